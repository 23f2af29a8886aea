# tries: raises what most programs do not catch

raise KeyboardInterrupt
