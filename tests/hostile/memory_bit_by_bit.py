# tries: wants 800 MB, 10 MB at a time

keep = [bytearray(10_000_000) for _ in range(80)]
