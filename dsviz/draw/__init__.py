"""Trace to picture: frames, layouts, the theme, matplotlib stills and charts."""
