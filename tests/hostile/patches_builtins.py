# tries: replaces what the rest of Python is made of

import builtins

builtins.isinstance = lambda *given: True
builtins.len = lambda thing: 0
builtins.type = lambda thing: str
