"""What is sent to PowerShell: opening a session, running a script block, answering the host's questions."""

from __future__ import annotations

import binascii

from core.clixml import escapes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LIST = "<T>System.Collections.ArrayList</T><T>System.Object</T>"
_TABLE = "<T>System.Collections.Hashtable</T><T>System.Object</T>"
_PSOBJECTS = (
    "<T>System.Collections.Generic.List`1[[System.Management.Automation.PSObject]]</T><T>System.Object</T>"
)  # fmt: skip


def unencrypted(text: str) -> str:
    """The content of an SS element from protocol 2.4 on: nothing is encrypted between us and our own child."""
    return binascii.b2a_base64(text.encode("utf-16-le", "surrogatepass"), newline=False).decode()


class Secret(str):
    """A text that PowerShell gets as a SecureString."""

    __slots__ = ()


class Credential:
    """A user name and a password, which PowerShell gets as a PSCredential."""

    __slots__ = ("password", "user")

    def __init__(self, user: str, password: str) -> None:
        self.user = user
        self.password = password


class Writer:
    """Values as CLIXML, one document: its RefIds are counted on."""

    def __init__(self, secure: Callable[[str], str] = unencrypted) -> None:
        """`secure`: a secret as the content of an SS element."""
        self._count = 0
        self._secure = secure

    def ref(self) -> int:
        """A fresh RefId."""
        self._count += 1
        return self._count

    def value(self, value: object, name: str = "") -> str:
        """One value as an element, with its name where it has one. Raises TypeError for what has no form."""
        attribute = f' N="{_attribute(name)}"' if name else ""
        if value is None:
            return f"<Nil{attribute} />"
        if isinstance(value, Secret):
            return f"<SS{attribute}>{self._secure(value)}</SS>"
        if isinstance(value, Credential):
            return self._credential(value, attribute)
        if isinstance(value, str):
            return f"<S{attribute}>{_text(value)}</S>"
        if isinstance(value, bool):
            return f"<B{attribute}>{'true' if value else 'false'}</B>"
        if isinstance(value, int):
            return self._whole(value, attribute)
        if isinstance(value, float):
            return f"<Db{attribute}>{_double(value)}</Db>"
        if isinstance(value, dict):
            entries = "".join(
                f"<En>{self.value(str(key), 'Key')}{self.value(item, 'Value')}</En>" for key, item in value.items()
            )
            return self.instance(_TABLE, f"<DCT>{entries}</DCT>", attribute)
        if isinstance(value, list | tuple):
            return self.instance(_LIST, f"<LST>{''.join(self.value(item) for item in value)}</LST>", attribute)
        raise TypeError(f"{type(value).__name__} has no form in CLIXML")

    def instance(self, types: str, content: str, attribute: str = "") -> str:
        """An object with type names and content."""
        number = self.ref()
        return f'<Obj{attribute} RefId="{number}"><TN RefId="{number}">{types}</TN>{content}</Obj>'

    def record(self, members: Mapping[str, object], name: str = "") -> str:
        """A custom object with these properties."""
        attribute = f' N="{_attribute(name)}"' if name else ""
        inner = "".join(self.value(value, key) for key, value in members.items())
        types = "<T>System.Management.Automation.PSCustomObject</T><T>System.Object</T>"
        return self.instance(types, f"<MS>{inner}</MS>", attribute)

    def _whole(self, value: int, attribute: str) -> str:
        if -(1 << 31) <= value < 1 << 31:
            return f"<I32{attribute}>{value}</I32>"
        if -(1 << 63) <= value < 1 << 63:
            return f"<I64{attribute}>{value}</I64>"
        if 0 <= value < 1 << 64:
            return f"<U64{attribute}>{value}</U64>"
        if abs(value) < 1 << 96:
            return f"<D{attribute}>{value}</D>"
        # as a text it converts where the script wants a BigInteger
        return f"<S{attribute}>{value}</S>"

    def _credential(self, value: Credential, attribute: str) -> str:
        types = "<T>System.Management.Automation.PSCredential</T><T>System.Object</T>"
        inner = f'<S N="UserName">{_text(value.user)}</S><SS N="Password">{self._secure(value.password)}</SS>'
        text = "<ToString>System.Management.Automation.PSCredential</ToString>"
        return self.instance(types, f"{text}<Props>{inner}</Props>", attribute)


def _attribute(name: str) -> str:
    return escapes.attribute(escapes.encode(name))


def _text(value: str) -> str:
    return escapes.markup(escapes.encode(value))


def _double(value: float) -> str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "INF" if value > 0 else "-INF"
    return repr(value)


def _enum(writer: Writer, name: str, kind: str, text: str, number: int) -> str:
    types = f"<T>{kind}</T><T>System.Enum</T><T>System.ValueType</T><T>System.Object</T>"
    content = f"<ToString>{text}</ToString><I32>{number}</I32>"
    return writer.instance(types, content, f' N="{name}"')


def capability() -> bytes:
    """SESSION_CAPABILITY."""
    return (
        b'<Obj RefId="0"><MS><Version N="protocolversion">2.4</Version><Version N="PSVersion">2.0</Version>'
        b'<Version N="SerializationVersion">1.1.0.1</Version></MS></Obj>'
    )


def _host(writer: Writer, columns: int, rows: int) -> str:
    def typed(key: int, kind: str, value: str) -> str:
        inner = f'<S N="T">{kind}</S>{value}'
        return f'<En><I32 N="Key">{key}</I32><Obj N="Value" RefId="{writer.ref()}"><MS>{inner}</MS></Obj></En>'

    def number(value: int) -> str:
        return f'<I32 N="V">{value}</I32>'

    def pair(first: str, one: int, second: str, other: int) -> str:
        inner = f'<I32 N="{first}">{one}</I32><I32 N="{second}">{other}</I32>'
        return f'<Obj N="V" RefId="{writer.ref()}"><MS>{inner}</MS></Obj>'

    color, host = "System.ConsoleColor", "System.Management.Automation.Host"
    place, size = f"{host}.Coordinates", f"{host}.Size"
    entries = [
        typed(0, color, number(7)),
        typed(1, color, number(0)),
        typed(2, place, pair("x", 0, "y", 0)),
        typed(3, place, pair("x", 0, "y", 0)),
        typed(4, "System.Int32", number(25)),
        *(typed(key, size, pair("width", columns, "height", rows)) for key in (5, 6, 7, 8)),
        typed(9, "System.String", '<S N="V">jobdeck</S>'),
    ]
    table = writer.instance(_TABLE, f"<DCT>{''.join(entries)}</DCT>", ' N="data"')
    default = f'<Obj N="_hostDefaultData" RefId="{writer.ref()}"><MS>{table}</MS></Obj>'
    return (
        f'<Obj N="HostInfo" RefId="{writer.ref()}"><MS>{default}<B N="_isHostNull">false</B><B N="_isHostUINull">false'
        '</B><B N="_isHostRawUINull">false</B><B N="_useRunspaceHost">false</B></MS></Obj>'
    )


def runspace(columns: int, rows: int) -> bytes:
    """INIT_RUNSPACEPOOL: one runspace, whose host is so many characters wide and high."""
    writer = Writer()
    threads = _enum(
        writer, "PSThreadOptions", "System.Management.Automation.Runspaces.PSThreadOptions", "Default", 0
    )  # fmt: skip
    apartment = _enum(writer, "ApartmentState", "System.Threading.ApartmentState", "Unknown", 2)
    return (
        f'<Obj RefId="0"><MS><I32 N="MinRunspaces">1</I32><I32 N="MaxRunspaces">1</I32>{threads}{apartment}'
        f'{_host(writer, columns, rows)}<Nil N="ApplicationArguments" /></MS></Obj>'
    ).encode()


def pipeline(script: str, arguments: Mapping[str, str], columns: int, rows: int, writer: Writer) -> bytes:
    """CREATE_PIPELINE: the script block with named arguments, each an element named "V" of `writer`."""
    apartment = _enum(writer, "ApartmentState", "System.Threading.ApartmentState", "Unknown", 2)
    options = _enum(
        writer,
        "RemoteStreamOptions",
        "System.Management.Automation.RemoteStreamOptions",
        "AddInvocationInfoToErrorRecord",
        1,
    )
    kind = "System.Management.Automation.Runspaces.PipelineResultTypes"
    names = (
        "MergeMyResult", "MergeToResult", "MergePreviousResults", "MergeError", "MergeWarning", "MergeVerbose",
        "MergeDebug", "MergeInformation",
    )  # fmt: skip
    merges = "".join(_enum(writer, name, kind, "None", 0) for name in names)
    given = "".join(
        f'<Obj RefId="{writer.ref()}"><MS><S N="N">-{name}</S>{element}</MS></Obj>'
        for name, element in arguments.items()
    )
    args = writer.instance(_PSOBJECTS, f"<LST>{given}</LST>", ' N="Args"')
    command = (
        f'<Obj RefId="{writer.ref()}"><MS><S N="Cmd">{_text(script)}</S><B N="IsScript">true</B>'
        f'<Nil N="UseLocalScope" />{merges}{args}</MS></Obj>'
    )
    commands = writer.instance(_PSOBJECTS, f"<LST>{command}</LST>", ' N="Cmds"')
    return (
        f'<Obj RefId="0"><MS><B N="NoInput">true</B>{apartment}{options}<B N="AddToHistory">false</B>'
        f'{_host(writer, columns, rows)}<Obj N="PowerShell" RefId="{writer.ref()}"><MS>{commands}<B N="IsNested">false'
        '</B><Nil N="History" /><B N="RedirectShellErrorOutputPipe">true</B></MS></Obj><B N="IsNested">false</B></MS>'
        "</Obj>"
    ).encode()


def _method(writer: Writer, number: int) -> str:
    return _enum(writer, "mi", "System.Management.Automation.Remoting.RemoteHostMethodId", str(number), number)


def answer(call: int, method: int, element: str, writer: Writer) -> bytes:
    """PIPELINE_HOST_RESPONSE with a result: an element named "mr" of `writer`."""
    return f'<Obj RefId="0"><MS>{element}<I64 N="ci">{call}</I64>{_method(writer, method)}</MS></Obj>'.encode()


def refusal(call: int, method: int, message: str) -> bytes:
    """PIPELINE_HOST_RESPONSE with an error, which the script can catch."""
    writer = Writer()
    text = _text(message)
    exception = writer.instance(
        "<T>System.Management.Automation.Host.HostException</T><T>System.Management.Automation.RuntimeException</T>"
        "<T>System.SystemException</T><T>System.Exception</T><T>System.Object</T>",
        f'<ToString>{text}</ToString><Props><S N="Message">{text}</S></Props>',
        ' N="Exception"',
    )
    number = writer.ref()
    record = (
        f'<Obj N="me" RefId="{number}"><TN RefId="{number}"><T>System.Management.Automation.ErrorRecord</T>'
        f"<T>System.Object</T></TN><ToString>{text}</ToString><MS>{exception}"
        '<Nil N="TargetObject" /><S N="FullyQualifiedErrorId">JobDeckQuestion</S><Nil N="InvocationInfo" />'
        '<I32 N="ErrorCategory_Category">18</I32><S N="ErrorCategory_Activity"></S><S N="ErrorCategory_Reason">'
        'HostException</S><S N="ErrorCategory_TargetName"></S><S N="ErrorCategory_TargetType"></S>'
        f'<S N="ErrorCategory_Message">{text}</S><B N="SerializeExtendedInfo">false</B></MS></Obj>'
    )
    return f'<Obj RefId="0"><MS>{record}<I64 N="ci">{call}</I64>{_method(writer, method)}</MS></Obj>'.encode()
