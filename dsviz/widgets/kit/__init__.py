"""What a learner answers and ticks: predictions, missions, quiz, interview, map, glossary.

Each is one widget: Python holds the state and decides, JavaScript draws it and reports clicks. So
every click is a method that a test can call, and no key of a quiz is in the page before it is
asked for.
"""
