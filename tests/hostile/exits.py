# tries: leaves the process at once

import os

os._exit(0)
