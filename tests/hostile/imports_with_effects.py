# tries: imports what opens browsers and windows

import antigravity, this, turtle
