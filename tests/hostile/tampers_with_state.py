# tries: shows what belongs to the judge


class Replica(Node):
    shows = ("name", "_kernel")
