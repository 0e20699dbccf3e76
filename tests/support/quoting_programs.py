"""Bash programs and hostile values at random, and the real bash that shows what became of them.

A program has a NUL character for each value. ``Case.exact`` programs print each value as it is,
so that their output with a value is that with any other, replaced. All other programs only must
not run what a value says: `CANARY_COMMAND`, of which every value holds a call.
"""

import os
import random
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from support.quoting_templates import AGAIN

SLOT = "\0"
MARKER = "QZQ"
CANARY_COMMAND = "C"
_END = b"\0--end--\n"
_PROLOGUE = """\
show() { printf '%s\\0' "$#" "$@"; }
showy() { printf '<%s>' "$y"; }
C() { : > "$CANARY"; }
one=1
TIMEFORMAT=
export one TIMEFORMAT
export -f show showy C
unset none y e n
"""
_DRIVER = (
    _PROLOGUE
    + """
mapfile -d '' -t programs < "$PROGRAMS"
for program in "${programs[@]}"; do
    ( eval "$program" ) < /dev/null 2> /dev/null
    printf '\\0--end--\\n'
done
"""
)


@dataclass(frozen=True)
class Case:
    """A program, the values for its slots in turn, and whether it prints what the first value is."""

    program: str
    values: tuple[str, ...]
    exact: bool


# Values

_RUNS = (
    '$(C)', '`C`', 'a[$(C)]', 'a[`C`]', 'x=$(C)', '${x:-$(C)}', '<(C)', '$((a[$(C)]))', '\\$(C)',
    '($(C))',
)  # fmt: skip
_BREAKS = (
    ';C;', '\nC\n', '|C|', '&C&', '&&C', "';C;'", '";C;"', "');C;('", '");C;("', '`;C;`', ')C',
    '}C;{', ';;esac;C', ']];C;[[', '));C;((', '\nE\nC\n', '\nEOF\nC\n', '#\nC\n', 'fi;C', 'done;C',
    "'\nC\n'", '"\nC\n"', 'E)\nC',
)  # fmt: skip
_ODD = (
    "'", '"', '\\', '$', '`', '\n', '\t', ' ', '!', '#', '~', '*', '?', '[', ']', '{', '}', '(', ')',
    '<', '>', '&', ';', '|', '=', '%', '^', ',', '..', '-', '+', '@', ':', '/', '\x01', '\x7f', '\r',
    '\x80', 'é', '日', '\u2028', "$'", '$"', '${', '$(', '$((', '<<E', '\\\n', "''", '""', '!!',
    'a,b', '1..3', '%n', '%s', '-v', '-n', '-i', '-vx', 'if', 'esac', 'done', 'in', '2', '-p', '--',
    'x=1', '@(a|b)', '&1', 'E', 'EOF', 'a', 'z9', 'PATH', 'a.b', '/s/r',
)  # fmt: skip
_TELLING = (
    'a[$(C)]', '$(C)', 'C;C', '-va[$(C)]', '-pa[$(C)]', '($(C))', '-v', '-n', '-i', 'let', 'eval', 'declare',
    'x=a[$(C)]', 'n', 'RANDOM', 'b]=$(C)', '1]+a[$(C)', 'P', '"; C; "', 'alias', 'set',
)  # fmt: skip
_PLAIN = (
    'a', '7', '2', 'a-b', '/store/run_1/m.csv', '2024-01-01T00:00:00+00:00', 'if', 'v', 'n', 'lstm',
    '-1', 'E',
)  # fmt: skip


def hostile_value(rng: random.Random) -> str:
    """Return a value that would show if bash read it as code."""
    kind = rng.random()
    if kind < 0.1:
        return rng.choice(_PLAIN)
    parts = rng.choices((*_RUNS, *_BREAKS, *_ODD), k=rng.choice((1, 1, 2, 3, 5)))
    if kind < 0.6:
        parts.insert(rng.randrange(len(parts) + 1), rng.choice(_RUNS + _BREAKS))
    value = "".join(parts)
    return value if value != CANARY_COMMAND else "'"


# Programs that print exactly what a value is


class _Exact:
    """Writes programs of which every value comes out as it went in."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def program(self) -> str:
        return "\n".join(self.command(3) for _ in range(self.rng.choice((1, 1, 2, 3))))

    def command(self, depth: int) -> str:
        simple = (
            self.show,
            self.assign,
            self.printed,
            self.here_string,
            self.environment,
            self.array,
            self.declared,
        )
        compound = (
            *(self.group, self.loop, self.case, self.choice, self.condition, self.function, self.pipe),
            *(self.substituted, self.heredoc, self.process, self.coprocess, self.commented),
        )
        return self.rng.choice(simple if depth <= 0 or self.rng.random() < 0.4 else compound)(depth - 1)

    def word(self, depth: int, *, glob: bool = True) -> str:
        pieces = [self.piece(depth, glob=glob) for _ in range(self.rng.choice((1, 1, 1, 2, 3)))]
        return "".join(pieces)

    def piece(self, depth: int, *, glob: bool) -> str:
        pick = self.rng.choice
        kinds = [
            lambda: SLOT,
            lambda: SLOT,
            lambda: SLOT,
            lambda: '"' + self.double() + '"',
            lambda: "'" + pick(("", "a b", '"', "$x", "\\")) + SLOT + pick(("", " ;", "`")) + "'",
            lambda: "$'" + pick(("", "\\t", "\\x41", "\\'", "a")) + SLOT + pick(("", "\\n", '"')) + "'",
            lambda: pick(("a", "-b", "/x", ".", "=", ":", "%", "\\ ", "\\'", "\\\\", "\\\n", "é", "@", "+")),
            lambda: pick(('"$one"', "${one}", "$one", '"${none-}"', "${one:+a}", "$((1+1))", "$#")),
            lambda: pick(("${none:-" + SLOT + "}", "${one:+'" + SLOT + "'}", '${none-"' + SLOT + '"}')),
            lambda: "\\" + SLOT + "z",
        ]
        if glob:
            kinds.append(lambda: pick(("~", "*", "?", "[a]", "x{a,b}", "{a," + SLOT + "}")))
        if depth > 0:
            kinds.append(lambda: '"$(' + self.inner(depth - 1) + ')"')
            kinds.append(lambda: '"${none:-$(' + self.inner(depth - 1) + ')}"')
        return pick(kinds)()

    def double(self) -> str:
        rng = self.rng
        parts = [
            "a b",
            "$one",
            "${one}",
            "\\$",
            '\\"',
            "'",
            "#",
            "$",
            "\\",
            "`printf a`",
            "${none:-b}",
            "<(",
            "!",
        ]
        return rng.choice(("", *parts)) + SLOT + rng.choice(("", "z", "/", " ", "$one", "${one}", "\\\\"))

    def inner(self, depth: int) -> str:
        """Return a command whose output ends in a point, so that no newline is lost."""
        rng = self.rng
        if depth > 0 and rng.random() < 0.4:
            return self.command(depth - 1) + "\nprintf ."
        return rng.choice(
            (f"printf %s. {self.word(0)}", f"printf '%s.' \"{SLOT}\"", f'y={SLOT}; printf %s. "$y"')
        )

    def show(self, depth: int) -> str:
        words = " ".join(self.word(depth) for _ in range(self.rng.choice((1, 1, 2, 3))))
        tails = ("", "", "", " > /dev/stdout", " 2>&1", " # " + "it's", " & wait", " || :")
        tail = self.rng.choice((*tails, f" {{y[{SLOT}]}}>&1", f" {{y['{SLOT}']}}<<< a"))
        return f"show {words}{tail}"

    def assign(self, depth: int) -> str:
        name = self.rng.choice(("y=", "y+=", "y=a:", "y=b y=", "y[2]="))
        read = '"${y[@]}"' if "[" in name else '"$y"'
        return f"{name}{self.word(depth, glob=False)}; show {read}"

    def declared(self, _depth: int) -> str:
        rng = self.rng
        declare = rng.choice(("export", "readonly", "declare", "declare -x", "typeset --"))
        return f"( {declare} y=" + rng.choice(("a", "")) + f'{SLOT}; show "$y" )'

    def environment(self, depth: int) -> str:
        return f"y={self.word(depth, glob=False)} showy"

    def printed(self, depth: int) -> str:
        form = self.rng.choice(("%s", "'%s,'", '"%s\\n"', "-- %s"))
        return f"{self.rng.choice(('', 'command ', 'builtin '))}printf {form} {self.word(depth)}"

    def here_string(self, depth: int) -> str:
        return f"cat <<< {self.word(depth, glob=False)}"

    def array(self, depth: int) -> str:
        words = self.rng.choice((" ", "\n", " # c\n")).join(self.word(depth) for _ in range(2))
        return f'y=({words}\n); show "${{y[@]}}"'

    def group(self, depth: int) -> str:
        body = self.command(depth)
        return self.rng.choice(
            (f"{{ {body}\n}}", f"({body}\n)", f"! {body}", f"{{ {body}\n}} 2> /dev/null < /dev/null")
        )

    def loop(self, depth: int) -> str:
        words = f"{self.word(depth)} {self.word(depth)}"
        head = self.rng.choice((f"for y in {words}; do", f"for y\nin {words}\ndo", f"for y in {words}; {{"))
        return f'{head} show "$y"; {self.command(depth)}\n' + ("}" if head.endswith("{") else "done")

    def case(self, depth: int) -> str:
        word = self.word(0, glob=False)
        body = self.command(depth)
        return self.rng.choice((
            f"case {word} in {word}) {body}\n;; *) show no;; esac",
            f"case {word} in (no|{SLOT}b) show no;; (*) {body}\nesac",
            f"case a in a) {body}\n;;& b) ;; esac",
        ))  # fmt: skip

    def choice(self, depth: int) -> str:
        one, two = self.command(depth), self.command(depth)
        return self.rng.choice((
            f"if true; then {one}\nelse {two}\nfi",
            f"if (false) then {one}\nelif {{ true; }} then {two}\nfi",
            f"while show {SLOT}; do {one}\nbreak; done",
            f"until false; do {one}\nbreak; done",
            f"true && {one}",
        ))  # fmt: skip

    def condition(self, depth: int) -> str:
        word = self.word(0, glob=False)
        test = self.rng.choice(
            (
                f"[[ {word} == {word} ]]",
                f"[[ ! a{SLOT} != a{SLOT} && ( -n x{SLOT} ) ]]",
                f"[[ x{SLOT} =~ {SLOT} ]]",
            )
        )
        return f"{test} && show {self.word(depth)}"

    def function(self, depth: int) -> str:
        head = self.rng.choice(("f() {", "function f {", "function f () {"))
        return f'{head} show "$1"; {self.command(depth)}\n}}; f {self.word(depth)}'

    def pipe(self, depth: int) -> str:
        time = self.rng.choice(("time", "time --"))
        return self.rng.choice((f"{{ {self.show(depth)}\n}} | cat", f"{time} {self.printed(depth)}"))

    def substituted(self, depth: int) -> str:
        if self.rng.random() < 0.3:
            word = self.rng.choice((SLOT, f'"{SLOT}"', f"a{SLOT}", f"'{SLOT}'"))
            return f'y=`printf %s. {word}`; show "$y"'
        return f'show "$({self.inner(depth)})"'

    def heredoc(self, _depth: int) -> str:
        rng = self.rng
        delimiter = rng.choice(("E", "'E'", '"E"', "\\E", "EOF"))
        operator = rng.choice(("<<", "<<", "<<-"))
        end = delimiter.strip("'\"\\")
        body = "\n".join(
            rng.choice((SLOT, f"a {SLOT}", f"{SLOT}'\"", f"x{SLOT}$one", "b", f"\\\\{SLOT}"))
            for _ in range(2)
        )
        rest = rng.choice(("", f"; show {self.word(0)}", " | cat"))
        return f"cat {operator}{delimiter}{rest}\n{body}\n{end}"

    def process(self, depth: int) -> str:
        return f"cat <({self.inner(depth)})"

    def coprocess(self, _depth: int) -> str:
        head = self.rng.choice(("coproc N {", "coproc {", "coproc N if :; then"))
        end = "fi" if "if" in head else "}"
        return f'{{ {head} printf %s "{SLOT}" >&5; {end}; wait; }} 5>&1'

    def commented(self, depth: int) -> str:
        return f'# {SLOT.join(("it", ""))} "\n{self.command(depth)}'


# Programs in which bash may read a value again, and any text

_AROUND = (
    '@', '@', '@', '( @\n)', '{ @\n}', 'f() { @\n}; f', 'if :; then @\nfi', 'echo "$(@\n)"',
    ': <(@\n); wait', 'true && @', '@ &\nwait',
)  # fmt: skip
_SLOTS = (
    SLOT,
    SLOT,
    '"' + SLOT + '"',
    "'" + SLOT + "'",
    "a" + SLOT,
    '"$one' + SLOT + '"',
    "$'" + SLOT + "'",
    SLOT + "=1",
)

_SOUP = (
    *(SLOT,) * 12,
    "'", '"', '"', '\\', '$', '`', '\n', '\n', ' ', ' ', ' ', ' ', '; ', '#', ' #', '(', ')', '{ ',
    '; }', '[', ']', '[[ ', ' ]]', '<<E', '<<E', '<<-E', "<<'E'", '\nE\n', '\nE\n', '$(', ')', '$((',
    '))', '((', '${y', '${y:-', '}', '${', "$'", '$"', 'a=(', ')', 'case ', ' in ', 'a) ', ';;',
    ' esac', 'if ', ' then ', ' else ', ' fi', 'for y in ', '; do ', ' done', 'a', 'x=', '=',
    ' echo ', ' show ', 'let ', 'declare ', '-i ', 'n=', 'printf -v ', '$e ', '| ', '&& ', '& ',
    '> f ', '< f ', '>& ', '2>&1 ', '!', '*', '?', '@(', '~', '{a,', '\\\n', '<(', '>(', '\\`',
    '\\$', '\\"', 'coproc ', 'time ', 'function f ', 'f() ', 'test ', 'read ', 'eval ', 'x[', '+=',
    '-eq ', '=~ ', '|| ',
)  # fmt: skip


def case(rng: random.Random) -> Case:
    """Return a case: half of them exact programs, the rest such as may read a value again, or any text."""
    value = hostile_value(rng)
    kind = rng.random()
    if kind < 0.5:
        return Case(_Exact(rng).program(), (value,), exact=True)
    if kind < 0.8:
        text = rng.choice(AGAIN).replace("¤", rng.choice(_SLOTS) if rng.random() < 0.5 else SLOT)
        values = [rng.choice(_TELLING) if rng.random() < 0.6 else hostile_value(rng) for _ in range(2)]
        return Case(rng.choice(_AROUND).replace("@", text), tuple(values), exact=False)
    program = "".join(rng.choices(_SOUP, k=rng.randrange(3, 24)))
    return Case(program, (value, hostile_value(rng)), exact=False)


# The real bash


def run_batch(programs: list[str], folder: Path, *, seconds: float = 120) -> list[bytes] | None:
    """Return the output of each program; None if they do not end. ``folder/canary`` shows a call.

    The programs run in a new and empty folder.
    """
    listed = folder / "programs"
    listed.write_bytes(b"".join(program.encode() + b"\0" for program in programs))
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    environment = {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "CANARY": str(folder / "canary"),
        "PROGRAMS": str(listed),
    }
    process = subprocess.Popen(
        ["bash", "-c", _DRIVER], cwd=work, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return None
    parts = output.split(_END)
    return parts[:-1] if len(parts) == len(programs) + 1 else None
