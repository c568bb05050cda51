"""Word documents (.docx) -> blocks, by way of mammoth's HTML. Pictures, comments, headers and footers are left out."""

from __future__ import annotations

import io
from typing import Any, Final

from research.documents.blocks import Document
from research.documents.html.content import all_blocks
from research.documents.office import archive, properties
from research.errors import PageUnreadable

_STYLES: Final = """
p[style-name='Title'] => h1:fresh
p[style-name='Subtitle'] => p:fresh
"""


def read(data: bytes, url: str) -> Document:
    """The text of a document, its properties in its page data.

    Raises:
        PageUnreadable: it is encrypted, broken, or too large once unpacked.
    """
    import mammoth  # Here, because few runs meet such a file, and it takes a tenth of a second.

    copy = archive.clean_copy(data, url)
    try:
        converted = mammoth.convert_to_html(
            io.BytesIO(copy),
            style_map=_STYLES,
            include_embedded_style_map=False,
            external_file_access=False,
            convert_image=_nothing,
        )
    except Exception as exc:
        raise PageUnreadable(f"{url}: this Word file cannot be read ({type(exc).__name__}: {exc}).") from exc
    own = properties.read(archive.members(copy, properties.MEMBERS))
    return Document(own.title, all_blocks(converted.value), own.published, own.lines)


def _nothing(image: Any) -> list[Any]:
    return []
