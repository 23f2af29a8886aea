"""Grading for a class: folders of submissions, feedback to read and to play, a course's set-up."""
