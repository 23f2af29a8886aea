# tries: raises its own limits

import resource

for what in (resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE):
    try:
        resource.setrlimit(what, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        raise ValueError("FOUND a limit that can be raised")
    except (OSError, ValueError) as error:
        if "FOUND" in str(error):
            raise
