"""For authors: execute notebooks, lint lessons, begin a new one. See CONTRIBUTING.md.

`execute` runs notebooks and stores what they show, `lint` checks every lesson against the anatomy
(`anatomy`, `items`, `sources`, `stored`), `new` makes the files of a lesson from templates.
"""
