# tries: prints 20 MB

for _ in range(20):
    print("x" * 1_000_000)
