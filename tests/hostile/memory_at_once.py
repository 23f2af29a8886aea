# tries: wants 700 MB at once

keep = bytearray(700_000_000)
