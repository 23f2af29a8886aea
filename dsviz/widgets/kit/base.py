"""The common part of the kit's widgets: one look, one way to say a click, one way to read static.

A widget's JavaScript is ``kit.js`` (elements, theme, announcements) followed by a file of its own
that defines ``view(kit)``; its look is ``kit.css``, with the colours of `dsviz.draw.theme`.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from dsviz.draw.theme import TOKENS
from dsviz.errors import DsvizError

HERE = Path(__file__).parent


def script(*names: str) -> str:
    """Return the JavaScript module of a widget: the shared part, then its own."""
    return "\n".join((HERE / f"{part}.js").read_text(encoding="utf-8") for part in ("kit", *names))


class Kit(anywidget.AnyWidget):
    """A widget that shows `state()` and turns messages ``{do: verb, …}`` into methods.

    A subclass names its verbs in `verbs`, returns what to draw from `state`, and what to read
    where no widget runs from `__repr__` (plain text, without any key) and `static` (HTML).
    """

    _css = HERE / "kit.css"
    _view = traitlets.Dict().tag(sync=True)

    verbs: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__(_view=self._drawn())
        self.on_msg(self._on_message)

    def state(self) -> dict[str, Any]:
        """Return what JavaScript draws: JSON, and nothing that the learner must not see yet."""
        raise NotImplementedError

    def static(self) -> str:
        """Return HTML for pages on which no widget runs: no style, no script, `details` to fold."""
        return f"<pre>{escape(repr(self))}</pre>"

    def refresh(self) -> None:
        """Draw again."""
        self._view = self._drawn()

    def _drawn(self) -> dict[str, Any]:
        return {"tokens": TOKENS, **self.state()}

    def _on_message(self, _: Any, content: Any, buffers: Any = None) -> None:
        """A click. What goes wrong becomes one sentence in the widget."""
        try:
            verb = content.get("do") if isinstance(content, dict) else None
            if verb not in self.verbs:
                raise DsvizError(f"there is no {verb!r} here")
            getattr(self, verb)(**{k: v for k, v in content.items() if k != "do"})
            self.refresh()
        except (DsvizError, OSError, TypeError) as error:
            self._view = self._drawn() | {"problem": str(error)}

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        return {**data, "text/plain": repr(self), "text/html": self.static()}, metadata
