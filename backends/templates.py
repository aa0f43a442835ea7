"""The templates of scripts: each backend has its own in a folder `templates`, and reads them by this function.

Every value that is put into a script is a number, an address or a name that was checked at the border (OUT-05).
"""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template


@cache
def template(package: str, name: str) -> Template:
    """The template `name` of a package (`backends.ovs`); compiling it takes longer than rendering it.

    Rendering raises jinja2.UndefinedError for a value that is not given.
    """
    environment = Environment(
        loader=PackageLoader(package),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    return environment.get_template(name)
