HINTS = ()
