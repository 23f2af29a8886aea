"""What a widget says where no widget runs: on GitHub, in a test, on paper."""

from __future__ import annotations

from typing import Any


class TextFallback:
    """Mix-in, before the widget class: the ``text/plain`` output is the widget's `repr`, in full.

    ipywidgets shortens it, and its own repr names objects by address, which no test can compare.
    """

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)  # type: ignore[misc]
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data is not None:
            data["text/plain"] = repr(self)
        return bundle
