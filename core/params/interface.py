"""What a script asks for, whichever language it is written in."""

from __future__ import annotations

from dataclasses import dataclass

from core.service import Parameter


class Unread(Exception):
    """A script that no PowerShell has read yet: call `read` where nobody is held up by it, and ask once more."""

    def __init__(self, content: bytes, program: str, path: str) -> None:
        super().__init__(path)
        self._script = (content, program, path)

    def read(self) -> None:
        """Have the script read."""
        from core.params.powershell import read_anew

        read_anew(*self._script)


@dataclass(frozen=True, slots=True)
class Option(Parameter):
    """A parameter that an argparse script takes on its command line.

    `flag` is the option string ("--days", "-d"), empty for a positional one. `action` is argparse's word; "flag" stands
    for every action that takes no value, and "boolean" for BooleanOptionalAction. `nargs` is argparse's: "" for one
    value, "?", "*", "+" or a number.
    """

    flag: str = ""
    action: str = "store"
    nargs: str = ""


@dataclass(frozen=True, slots=True)
class Interface:
    """What a script says of itself.

    `style`: "none" (says nothing), "header" (a comment header), "main" (a Python function that is called), "argparse"
    or "param" (PowerShell's param block). `function` is the name of the function to call when the style is "main".
    `exit_from_return`: what the function returns is its exit code, as in `sys.exit(main())`. `open`: it also takes
    names that it does not declare (`**kwargs`, an argparse that could not be read as a whole). `accepted`: names that
    it takes besides (PowerShell's aliases and common parameters). `untyped`: parameters that take any value as it is.
    """

    parameters: tuple[Parameter, ...] = ()
    description: str = ""
    style: str = "none"
    function: str = ""
    exit_from_return: bool = False
    open: bool = False
    accepted: tuple[str, ...] = ()
    untyped: tuple[str, ...] = ()

    @property
    def synopsis(self) -> str:
        """The description's first line."""
        return self.description.strip().partition("\n")[0].strip()

    @property
    def declared(self) -> bool:
        """Whether a name that is not among the parameters is a mistake."""
        return self.style != "none" and not self.open
