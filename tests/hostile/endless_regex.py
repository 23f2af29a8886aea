# tries: backtracks in C, where Python cannot interrupt it

import re

re.match(r"(a+)+$", "a" * 60 + "b")
