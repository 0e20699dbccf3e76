"""Bash programs and hostile values at random, and the real bash that shows what became of them.

A program has a NUL character for each value. ``Case.exact`` programs print each value as it is,
so that their output with a value is that with any other, replaced. All other programs only must
not run what a value says: `CANARY_COMMAND`, of which every value holds a call.
"""

import os
import random
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

SLOT = "\0"
MARKER = "QZQ"
CANARY_COMMAND = "C"
_END = b"\0--end--\n"
_PROLOGUE = """\
show() { printf '%s\\0' "$#" "$@"; }
showy() { printf '<%s>' "$y"; }
C() { : > "$CANARY"; }
one=1
export one
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
    """A program, the value for all its slots, and whether it prints what the value is."""

    program: str
    value: str
    exact: bool


# Values

_RUNS = ("$(C)", "`C`", "a[$(C)]", "a[`C`]", "x=$(C)", "${x:-$(C)}", "<(C)", "$((a[$(C)]))", "\\$(C)", "($(C))")
_BREAKS = (
    *(";C;", "\nC\n", "|C|", "&C&", "&&C", "';C;'", '";C;"', "');C;('", '");C;("', "`;C;`", ")C", "}C;{", ";;esac;C"),
    *("]];C;[[", "));C;((", "\nE\nC\n", "\nEOF\nC\n", "#\nC\n", "fi;C", "done;C", "'\nC\n'", '"\nC\n"', "E)\nC"),
)
_ODD = (
    *("'", '"', "\\", "$", "`", "\n", "\t", " ", "!", "#", "~", "*", "?", "[", "]", "{", "}", "(", ")", "<", ">", "&"),
    *(";", "|", "=", "%", "^", ",", "..", "-", "+", "@", ":", "/", "\x01", "\x7f", "\r", "\x80", "é", "日", "\u2028"),
    *("$'", '$"', "${", "$(", "$((", "<<E", "\\\n", "''", '""', "!!", "a,b", "1..3", "%n", "%s", "-v", "-n", "-i", "-vx"),
    *("if", "esac", "done", "in", "2", "-p", "--", "x=1", "@(a|b)", "&1", "E", "EOF", "a", "z9", "PATH", "a.b", "/s/r"),
)
_PLAIN = ("a", "7", "2", "a-b", "/store/run_1/m.csv", "2024-01-01T00:00:00+00:00", "if", "v", "n", "lstm", "-1", "E")


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
        lines = [self.command(3) for _ in range(self.rng.choice((1, 1, 2, 3)))]
        return self.rng.choice(("\n", "\n", "; ")).join(lines) if not any("\n" in x for x in lines) else "\n".join(lines)

    def command(self, depth: int) -> str:
        simple = (self.show, self.assign, self.printed, self.here_string, self.environment, self.array, self.declared)
        compound = (
            *(self.group, self.loop, self.case, self.choice, self.condition, self.function, self.pipe),
            *(self.substituted, self.heredoc, self.process, self.coprocess, self.commented),
        )
        return self.rng.choice(simple if depth <= 0 or self.rng.random() < 0.4 else compound)(depth - 1)

    def word(self, depth: int, *, glob: bool = True) -> str:
        pieces = [self.piece(depth, glob=glob) for _ in range(self.rng.choice((1, 1, 1, 2, 3)))]
        return "".join(pieces)

    def piece(self, depth: int, *, glob: bool) -> str:
        rng = self.rng
        kind = rng.randrange(14 if depth > 0 else 11)
        if kind < 3:
            return SLOT
        if kind == 3:
            return '"' + self.double() + '"'
        if kind == 4:
            return "'" + rng.choice(("", "a b", '"', "$x", "\\")) + SLOT + rng.choice(("", " ;", "`")) + "'"
        if kind == 5:
            return "$'" + rng.choice(("", "\\t", "\\x41", "\\'", "a")) + SLOT + rng.choice(("", "\\n", '"')) + "'"
        if kind == 6:
            return rng.choice(("a", "-b", "/x", ".", "=", ":", "%", "\\ ", "\\'", "\\\\", "\\\n", "é", "@", "+"))
        if kind == 7 and glob:
            return rng.choice(("~", "*", "?", "[a]", "x{a,b}"))
        if kind == 8:
            return rng.choice(('"$one"', "${one}", "$one", '"${none-}"', "${one:+a}", "$((1+1))", "$#"))
        if kind == 9:
            return rng.choice(("${none:-" + SLOT + "}", "${one:+'" + SLOT + "'}", '${none-"' + SLOT + '"}'))
        if kind == 10:
            return "\\" + SLOT + "z"
        if kind == 11:
            return '"$(' + self.inner(depth - 1) + ')"'
        if kind == 12:
            return '"${none:-$(' + self.inner(depth - 1) + ')}"'
        return "{a," + SLOT + "}" if glob else SLOT

    def double(self) -> str:
        rng = self.rng
        parts = ["a b", "$one", "${one}", "\\$", '\\"', "'", "#", "$", "\\", "`printf a`", "${none:-b}", "<(", "!"]
        return rng.choice(("", *parts)) + SLOT + rng.choice(("", "z", "/", " ", "$one", "${one}", "\\\\"))

    def inner(self, depth: int) -> str:
        """Return a command whose output ends in a point, so that no newline is lost."""
        rng = self.rng
        if depth > 0 and rng.random() < 0.4:
            return self.command(depth - 1) + "\nprintf ."
        return rng.choice((f"printf %s. {self.word(0)}", f"printf '%s.' \"{SLOT}\"", f"y={SLOT}; printf %s. \"$y\""))

    def show(self, depth: int) -> str:
        words = " ".join(self.word(depth) for _ in range(self.rng.choice((1, 1, 2, 3))))
        tail = self.rng.choice(("", "", "", " > /dev/stdout", " 2>&1", " # " + "it's", " & wait", " || :"))
        return f"show {words}{tail}"

    def assign(self, depth: int) -> str:
        name = self.rng.choice(("y=", "y+=", "y=a:", "y=b y=", "y[2]="))
        read = '"${y[@]}"' if "[" in name else '"$y"'
        return f"{name}{self.word(depth, glob=False)}; show {read}"

    def declared(self, depth: int) -> str:
        rng = self.rng
        declare = rng.choice(("export", "readonly", "declare", "declare -x", "typeset --"))
        return f"( {declare} y=" + rng.choice(("a", "")) + f"{SLOT}; show \"$y\" )"

    def environment(self, depth: int) -> str:
        return f"y={self.word(depth, glob=False)} showy"

    def printed(self, depth: int) -> str:
        form = self.rng.choice(("%s", "'%s,'", '"%s\\n"', "-- %s"))
        return f"{self.rng.choice(('', 'command ', 'builtin '))}printf {form} {self.word(depth)}"

    def here_string(self, depth: int) -> str:
        return f"cat <<< {self.word(depth, glob=False)}"

    def array(self, depth: int) -> str:
        words = self.rng.choice((" ", "\n", " # c\n")).join(self.word(depth) for _ in range(2))
        return f"y=({words}\n); show \"${{y[@]}}\""

    def group(self, depth: int) -> str:
        body = self.command(depth)
        return self.rng.choice((f"{{ {body}\n}}", f"({body}\n)", f"! {body}", f"{{ {body}\n}} 2>&1 < /dev/null"))

    def loop(self, depth: int) -> str:
        words = f"{self.word(depth)} {self.word(depth)}"
        head = self.rng.choice((f"for y in {words}; do", f"for y\nin {words}\ndo", f"for y in {words}; {{"))
        return f'{head} show "$y"; {self.command(depth)}\n' + ("}" if head.endswith("{") else "done")

    def case(self, depth: int) -> str:
        word = self.word(0, glob=False)
        body = self.command(depth)
        return self.rng.choice((
            f"case {word} in {word}) {body}\n;; *) show no;; esac",
            f"case {word} in (a|{SLOT}b) show no;; (*) {body}\nesac",
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
        test = self.rng.choice((f"[[ {word} == {word} ]]", f"[[ ! a{SLOT} != a{SLOT} && ( -n x{SLOT} ) ]]", f"[[ x{SLOT} =~ {SLOT} ]]"))
        return f"{test} && show {self.word(depth)}"

    def function(self, depth: int) -> str:
        head = self.rng.choice(("f() {", "function f {", "function f () {"))
        return f'{head} show "$1"; {self.command(depth)}\n}}; f {self.word(depth)}'

    def pipe(self, depth: int) -> str:
        return self.rng.choice((f"{self.show(depth)}\n{self.printed(depth)} | cat", f"time -p {self.printed(depth)}"))

    def substituted(self, depth: int) -> str:
        if self.rng.random() < 0.3:
            return f"y=`printf %s. {self.rng.choice((SLOT, chr(34) + SLOT + chr(34), 'a' + SLOT))}`; show \"$y\""
        return f'show "$({self.inner(depth)})"'

    def heredoc(self, depth: int) -> str:
        rng = self.rng
        delimiter = rng.choice(("E", "'E'", '"E"', "\\E", "EOF"))
        operator = rng.choice(("<<", "<<", "<<-"))
        end = delimiter.strip("'\"\\")
        body = "\n".join(rng.choice((SLOT, f"a {SLOT}", f"{SLOT}'\"", f"x{SLOT}$one", "b", f"\\\\{SLOT}")) for _ in range(2))
        rest = rng.choice(("", f"; show {self.word(0)}", " | cat"))
        return f"cat {operator}{delimiter}{rest}\n{body}\n{end}"

    def process(self, depth: int) -> str:
        return f"cat <({self.inner(depth)})"

    def coprocess(self, depth: int) -> str:
        head = self.rng.choice(("coproc N {", "coproc {", "coproc N if :; then"))
        end = "fi" if "if" in head else "}"
        return f'{{ {head} printf %s "{SLOT}" >&5; {end}; wait; }} 5>&1'

    def commented(self, depth: int) -> str:
        return f"# {SLOT.join(('it', ''))} \"\n{self.command(depth)}"


# Programs in which bash may read a value again

_AGAIN = (
    *("declare -i n; n=@", "n=1; declare -i n; f() { n=@; }; f", "typeset -ai n; n[0]=@", "declare -i n; read n <<< @"),
    *("declare -i n; read -r a n <<E\nb @\nE", "declare -i n; printf -v n %s @", "declare -i n; for n in @; do :; done"),
    *("declare -i n; : ${n:=@}", "declare -i n; export n=@", "declare -i n; while read n; do :; done <<< @"),
    *("declare -i n; printf %s @ | while read n; do :; done", "declare -ai n; mapfile n <<< @", "o=-i; declare $o n=@"),
    *("declare -i $one n; n=@", "declare -i {a,n}; n=@", "declare -i 'n'; n+=@", "local -i n; n=@", "f() { local -i n=@; }; f"),
    *("declare -n n; n=@; echo $n", "declare -n n=@; echo $n", "declare -n n; for n in @; do echo $n; done"),
    *("declare -n n; read n <<< @; echo $n", "declare -i OPTARG; getopts a: o -a @", "declare -i REPLY; read <<< @"),
    *("RANDOM=@", "OPTIND=@", "HISTCMD=@", "SRANDOM=@ :", "read RANDOM <<< @", "printf -v OPTIND %s @", "export RANDOM=@"),
    *("for RANDOM in @; do :; done", ": ${RANDOM:=@}", "declare OPTIND=@", "declare -n r=RANDOM; r=@", "v=RANDOM; printf -v $v %s @"),
    *("let @", "let x=@", "command let x=@", "command -- let x=@", "builtin -- let x=@", "builtin command -p -- let x=@"),
    *("time let x=@", "time -- let x=@", "time -p -- let x=@", "! let x=@", "coproc let x=@", "coproc N { let x=@; }; wait"),
    *("coproc N (let x=@); wait", "coproc N if let x=@; then :; fi; wait", "$e let x=@", "$e $e let x=@", '"$@" let x=@'),
    *('"${e[@]}" let x=@', "`:` let x=@", "$(:) let x=@", "{let,} x=@", "l{e,}t x=@", "{,let} x=@", "l'e't x=@", "\\let x=@"),
    *("c=let; $c x=@", 'c=let; "$c" x=@', "for c in let; do $c x=@; done", "c=le; ${c}t x=@", "c=xlet; ${c#x} x=@"),
    *("c=builtin; $c let x=@", "$(echo let) x=@", "set -- let; $1 x=@", "f() { $1 x=@; }; f let", "y=(let); ${y[0]} x=@"),
    *(">/dev/null let x=@", "x=1 let x=@", "if (true) then let x=@; fi", "if { :; } then let x=@; fi", "f() { let x=@; }; f"),
    *("for n\nin @\ndo (( n )); done", "case a in a) let x=@;; esac", "function f { let x=@; }; f", "while let x=@; do break; done"),
    *("printf -v@ %s 1", "printf -v @ %s 1", "printf -va[@] 1", "printf @ x", "printf -v 2>/dev/null @ x", "printf $e @ x", "o=-v; printf $o @ x"),
    *("wait -p @", ": & wait -n @ $!", ": & wait -np @ $!", "read @ <<< 1", "read -r a@ <<< 1", "unset @", "a=1; unset a[@]"),
    *("a=(1); unset 'a[@]'", "getopts a @ -a", "mapfile @ <<< 1", "mapfile -C @ -c 1 a <<< 1", "[ -v @ ]", "test ! -v @"),
    *("[ @ @ ]", "test @ @", "o=-v; [ $o @ ]", "[[ -v @ ]]", "[[ -v a[@] ]]", "[[ @ -eq 1 ]]", "[[ 1 -gt @ ]]", "[[ @ < @ ]]"),
    *("declare @", "declare a[@]=1", "declare @=1", "declare -a y=@", 'declare -a y="(@)"', "declare -a y; declare y=@", "export @"),
    *("declare -A y; y[@]=1; unset 'y[@]'", "y=([@]=1)", "y[@]=1", "echo ${y[@]}", 'echo "${y:@}"', "echo ${y:1:@}", "echo ${!@}"),
    *("echo $((@))", "echo $[@]", "((@))", "for ((i=@;0;)); do :; done", "echo ${y@}", "echo ${y@@}", "echo {1..@}", "x[@]+=1"),
    *("alias a=@; shopt -s expand_aliases; eval a", "shopt -s expand_aliases\nalias a=@\na", "alias @", "BASH_ALIASES[a]=@\nshopt -s expand_aliases\na"),
    *("PS4=@; set -x; :", "export PS4=@; set -x; :", "read PS4 <<< @; set -x; :", "PS4=@ ; set -o xtrace; echo", "PROMPT_COMMAND=@"),
    *("BASH_ENV=@ bash -c :", "export BASH_ENV=@; bash -c :", "env BASH_ENV=@ bash -c :", "compgen -W @", "compgen -C @", "compgen @ a"),
    *("complete -C @ x", "eval @", "eval echo @", "eval 'echo @'", "trap @ EXIT", "trap 'echo @' EXIT", "c=eval; $c @", "$e eval @"),
    *("set -o history; history -s @; fc -s", "history -p @", "fc -s @", "jobs -x let x=@", "jobs -x eval @", "set @; :", "set -k; let x=@"),
    *("echo >& @", "echo >&@", "cat <&@", "exec 5>&@", "{ echo; } >& @", "echo &> @", "echo >| @", "cat < @", "echo 2> @", "exec {f}< @"),
    *("=x [[ a <<E\n@\nE", "x=1 [[ a <<E\n@\nE\n]]", "x=1 [[ a < @", "a\"b\"=(@", "echo a=(@)", "command declare y=(@)", "y=(@"),
    *("set -H; set -o history\necho a\necho @", "shopt -s expand_aliases\nalias e='echo \"'\ne @", "set -o posix; echo ${y:-'@'}"),
    *("set -k; echo x=@", "POSIXLY_CORRECT=@; echo @", "LC_ALL=@; echo @", "f() { (( $1 )); }; f 1 @", "select n in @; do :; done <<< 1"),
    *("echo `echo \\`echo @\\``", 'echo "`echo "@"`"', "echo `echo '@'`", "cat <<E\n`echo @`\nE", "cat <<E\n$(echo '@' \"@\")\nE"),
    *("cat <<E\n${y:-@}${y#@}\nE", "cat <<E\n$((@))\nE", 'echo "${y:-"@"}"', 'echo "${y:-\'@\'}"', "echo ${y/@/@}", "echo ${y^@}"),
    *("if @; then :; fi", "case @ in @) :;; esac", "for @ in a; do :; done", "function @ { :; }", "@() { :; }", "@ @", "@=@", "\\@ @"),
    *("cat <<@\na\n@", "cat <<'@'\na\n@", "[[ a =~ (@) ]]", "[[ a == @(@) ]]", "shopt -s extglob\n[[ a == +(@|b) ]]", "echo !(@)", "${y}@=1"),
    *("coproc @ { :; }", "time @", "exec @", "exec -a @ true", "command @", "builtin @ @", "source @", ". @", "enable @", "hash -p @ a", "type @"),
)  # fmt: skip
_AROUND = ("@", "@", "@", "( @\n)", "{ @\n}", "f() { @\n}; f", "if :; then @\nfi", 'echo "$(@\n)"', ": <(@\n); wait", "true && @", "@ &\nwait")
_SLOTS = (SLOT, SLOT, '"' + SLOT + '"', "'" + SLOT + "'", "a" + SLOT, '"$one' + SLOT + '"', "$'" + SLOT + "'", SLOT + "=1")

_SOUP = (
    *(SLOT,) * 12,
    *("'", '"', '"', "\\", "$", "`", "\n", "\n", " ", " ", " ", " ", "; ", "#", " #", "(", ")", "{ ", "; }", "[", "]", "[[ ", " ]]"),
    *("<<E", "<<E", "<<-E", "<<'E'", "\nE\n", "\nE\n", "$(", ")", "$((", "))", "((", "${y", "${y:-", "}", "${", "$'", '$"', "a=(", ")"),
    *("case ", " in ", "a) ", ";;", " esac", "if ", " then ", " else ", " fi", "for y in ", "; do ", " done", "a", "x=", "=", " echo ", " show "),
    *("let ", "declare ", "-i ", "n=", "printf -v ", "$e ", "| ", "&& ", "& ", "> f ", "< f ", ">& ", "2>&1 ", "!", "*", "?", "@(", "~", "{a,", "\\\n"),
    *("<(", ">(", "\\`", "\\$", '\\"', "coproc ", "time ", "function f ", "f() ", "test ", "read ", "eval ", "x[", "+=", "-eq ", "=~ ", "|| "),
)


def case(rng: random.Random) -> Case:
    """Return a case: half of them exact programs, the rest such as may read a value again, or any text."""
    value = hostile_value(rng)
    kind = rng.random()
    if kind < 0.5:
        return Case(_Exact(rng).program(), value, exact=True)
    if kind < 0.75:
        template = rng.choice(_AGAIN)
        slot = rng.choice(_SLOTS) if rng.random() < 0.6 else SLOT
        text = re.sub("(?<!@)@(?![()@])", lambda _: slot, template).replace("@(" + "@)", "@(" + SLOT + ")")
        return Case(rng.choice(_AROUND).replace("@", text), value, exact=False)
    return Case("".join(rng.choices(_SOUP, k=rng.randrange(3, 24))), value, exact=False)


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
