"""The reference cluster of each concept: the code the lessons show, break and mend."""
