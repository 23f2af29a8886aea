# tries: replaces what a node is

from dsviz import Node as Base

Base.send = Base.reply = Base.set_timer = lambda *given, **more: None
Base.role_name = classmethod(lambda cls: "client")
