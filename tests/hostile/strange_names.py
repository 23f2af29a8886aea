# tries: names things what no file, page or terminal expects


class Replica(Node):
    def on_start(self):
        raise ValueError("\ud800 \x00 \x1b[2J </script><script>alert(1)</script> =cmd()")
