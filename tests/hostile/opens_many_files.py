# tries: opens 200 files

keep = [open("/dev/null") for _ in range(200)]
