# tries: computes a number of eight million digits, again and again

for _ in range(20):
    str(7**9_000_000)[:5]
