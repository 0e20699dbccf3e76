"""Places in a bash program where a value can stand, and the real bash that prints what arrived."""

import re
import subprocess

from elpa_core.commands.bash.quoting import quote_values
from support.hostile_values import HOSTILE_VALUES

PASSABLE = [value for value in HOSTILE_VALUES if not re.search("[\0\ud800-\udfff]", value)]


PROLOGUE = """show() { printf '%s\\0' "$#" "$@"; }
one=1
x=shell
"""


UNSET = "unset y none other i\n"


def put(program, value):
    """Return a program with ``value`` at each @X@, or None if it is refused, and the refusals."""
    texts, refusals = quote_values(program.replace("@X@", "\0"), [value] * program.count("@X@"))
    remaining = iter(texts)
    rendered = re.sub("@X@", lambda _: next(remaining), program)
    return (None if refusals else rendered), refusals


def bash_outputs(programs, folder):
    """Return the standard output of each program; ``bash -c`` gets as many at once as it can take."""
    outputs = []
    while programs:
        size, count = 0, 0
        while count < len(programs) and (not count or size < 60_000):
            size += len(programs[count].encode())
            count += 1
        batch, programs = programs[:count], programs[count:]
        script = PROLOGUE + "".join(f"{UNSET}{program}\nprintf '\\0--end--\\n'\n" for program in batch)
        ended = subprocess.run(
            ["bash", "-c", "--", script.encode()],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        parts = ended.stdout.split(b"\0--end--\n")
        assert len(parts) == len(batch) + 1, ended.stderr[-500:].decode(errors="replace")
        outputs += parts[:-1]
    return outputs


def words(*expected):
    """Return what ``show`` prints for these words, in which @X@ is the value."""
    return lambda value: "\0".join([str(len(expected)), *(w.replace("@X@", value) for w in expected), ""])


def text(expected):
    return lambda value: expected.replace("@X@", value)


WORD = words("@X@")


IN_SUBSTITUTION = words("@X@.")


# Everything that bash can be given arrives here.
FREE = {
    "bare": ("show @X@", WORD),
    "bare twice": ("show @X@ @X@", words("@X@", "@X@")),
    "adjacent": ("show @X@@X@", words("@X@@X@")),
    "in a word": ("show a@X@b", words("a@X@b")),
    "start of a word": ("show @X@/b", words("@X@/b")),
    "end of a word": ("show --out=@X@", words("--out=@X@")),
    "before =": ("show @X@=5", words("@X@=5")),
    "double quotes": ('show "@X@"', WORD),
    "in double quotes": ('show "a b@X@c d"', words("a b@X@c d")),
    "single quotes": ("show '@X@'", WORD),
    "in single quotes": ("show 'a \"@X@$b'", words('a "@X@$b')),
    "mixed quotes": ("show pre\"@X@\"mid'@X@'post@X@", words("pre@X@mid@X@post@X@")),
    "ANSI-C quotes": ("show $'a\\t@X@\\n\\x41@X@'", words("a\t@X@\nA@X@")),
    "translated quotes": ('show $"a@X@b"', words("a@X@b")),
    "substitution": ('show "$(printf %s. @X@)"', IN_SUBSTITUTION),
    "substitution, quoted": ('show "$(printf %s%s. "@X@" \'@X@\')"', words("@X@@X@.")),
    "nested substitution": ('show "$(printf %s. "$(printf %s, "@X@")")"', words("@X@,.")),
    "case in a substitution": ('show "$(case @X@ in @X@) printf %s. @X@;; esac)"', IN_SUBSTITUTION),
    "function in a substitution": (
        'show "$(f() { y=@X@; case $y in "@X@"|no) printf %s. "$y";; esac; }; if true; then f; fi)"',
        IN_SUBSTITUTION,
    ),
    "array in a substitution": (
        'show "$(y=(@X@ \'@X@\' a"@X@"); printf %s, "${y[@]}" .)"',
        words("@X@,@X@,a@X@,.,"),
    ),
    "process substitution": ("cat <(printf %s @X@)", text("@X@")),
    "backticks": ('y=`printf %s. @X@`; show "$y"', IN_SUBSTITUTION),
    "backticks, quoted": ('y=`printf %s%s. "@X@" \'@X@\'`; show "$y"', words("@X@@X@.")),
    "subshell": ('(show @X@; ( show "@X@" ))', lambda value: f"1\0{value}\0" * 2),
    "group": ("{ show @X@; }", WORD),
    "if": ("if true; then show @X@; else show no; fi", WORD),
    "loop": ('for y in @X@ b; do show "$y" @X@; done', lambda v: f"2\0{v}\0{v}\0002\0b\0{v}\0"),
    "while": ('while read -r y; do show "$y"@X@; done < <(echo a)', words("a@X@")),
    "function argument": ('f() { show "$1"; }; f @X@', WORD),
    "function keyword": ('function f { show "$1"; }\nf @X@', WORD),
    "condition": ("[[ @X@ == @X@ && \"@X@\" == '@X@' && -n a@X@ ]] && show @X@", WORD),
    "condition, pattern": ("y=@X@; [[ ( $y = @X@ ) && ! a@X@ = b@X@ ]] && show @X@", WORD),
    "condition, regex": ('y=a@X@b; [[ $y =~ ^a@X@b$ && $y =~ "@X@" ]] && show @X@', WORD),
    "test": ("[ @X@ = @X@a ] || show @X@", WORD),
    "case word and pattern": ("case @X@ in @X@) show @X@;; *) show no;; esac", WORD),
    "case pattern": ('y=@X@; case $y in (a|"@X@") show @X@;; *) show no;; esac', WORD),
    "array": ('y=(a\n\'@X@\' # b\n"@X@" @X@); show "${y[@]}"', words("a", "@X@", "@X@", "@X@")),
    "array element": ('y[3]=@X@; y+=([4]=@X@); show "${y[@]}"', words("@X@", "@X@")),
    "declared array": ('declare -a y=(@X@); show "${y[@]}"', WORD),
    "assignment": ('y=@X@; y+=@X@; show "$y"', words("@X@@X@")),
    "assignment, one of many": ('y=a:@X@:~; show "${y%:*}"', words("a:@X@")),
    "assignment for a command": ("y=@X@ bash -c 'printf %s \"$y\"'", text("@X@")),
    "alternative": ("show ${one:+'@X@'} \"${one:+a}@X@\"", words("@X@", "a@X@")),
    "quotes in a fallback": ("show ${none:-\"@X@\"b} ${none-a'@X@'}", words("@X@b", "a@X@")),
    "substitution in a fallback": ('show "${none:-$(printf %s. "@X@")}"', IN_SUBSTITUTION),
    "here-string": ('cat <<< @X@; cat <<< "@X@"', text("@X@\n@X@\n")),
    "line of a here-document": (
        "cat <<EOF; show @X@ \"@X@\" '@X@'\nbody\nEOF",
        lambda value: "body\n" + words("@X@", "@X@", "@X@")(value),
    ),
    "pipe": ("printf %s @X@ | cat", text("@X@")),
    "redirected": ("show @X@>/dev/stdout", WORD),
    "background": ("show @X@ & wait", WORD),
    "after time": ("TIMEFORMAT=; time show @X@", WORD),
    "behind a variable": ('show $one@X@z "$one@X@z" $one/@X@', words("1@X@z", "1@X@z", "1/@X@")),
    "behind a continued line": (
        'show a \\\n @X@ b\\\n@X@ "$one\\\n@X@$o\\\nne@X@"',
        words("a", "@X@", "b@X@", "1@X@1@X@"),
    ),
    "behind $ in double quotes": ('show "$@X@z"', words("$@X@z")),
    "behind \\ in double quotes": ('show "\\@X@z"', words("\\@X@z")),
    "behind ~": ("show ~@X@ y=~@X@", words("~@X@", "y=~@X@")),
    "in braces": ("show {a,@X@} {@X@}", words("a", "@X@", "{@X@}")),
    "in a glob": ("show *@X@yy", words("*@X@yy")),
    "command": ('"$(printf show)" @X@', WORD),
}


def check(context, values, folder):
    """Run the values that are not refused, compare what arrived, and return the refused ones."""
    program, expected = context
    rendered = {value: put(program, value)[0] for value in values}
    accepted = [value for value in values if rendered[value] is not None]
    outputs = bash_outputs([rendered[value] for value in accepted], folder)
    for value, output in zip(accepted, outputs, strict=True):
        assert output == expected(value).encode(), rendered[value]
    return [value for value in values if rendered[value] is None]


def ends(*lines_around):
    """Whether a value makes a line EOF in a here-document, between these texts."""
    before, after = lines_around
    return lambda value: "EOF" in (before + value + after).split("\n")


def loses_a_tab(value):
    return re.search(r"^\t", value, re.MULTILINE) is not None


# The program, what is printed, and which values are refused.
HEREDOCS = {
    "plain": ("cat <<EOF\n@X@\nEOF", "@X@\n", ends("", "")),
    "in a line": ("cat <<EOF\na \"@X@\" '@X@'\\\\\nEOF", "a \"@X@\" '@X@'\\\n", ends('"', '"')),
    "quoted delimiter": ("cat <<'EOF'\n@X@\nEOF", "@X@\n", ends("", "")),
    "double-quoted delimiter": ('cat <<"EOF"\na@X@b\n$HOME\nEOF', "a@X@b\n$HOME\n", ends("a", "b")),
    "escaped delimiter": ("cat <<\\EOF\n@X@b\nEOF", "@X@b\n", ends("", "b")),
    "half of the delimiter": ("cat <<EOF\nE@X@\nEOF", "E@X@\n", ends("E", "")),
    "continued line": ("cat <<EOF\nE\\\n@X@\nEOF", "E@X@\n", ends("E", "")),
    "behind a backslash": ("cat <<EOF\n\\@X@\nEOF", "\\@X@\n", ends("\\", "")),
    "two": (
        "cat /dev/fd/3 - 3<<EOF <<'EOF'\n@X@a\nEOF\nb@X@\nEOF",
        "@X@a\nb@X@\n",
        lambda v: ends("", "a")(v) or ends("b", "")(v),
    ),
    "tabs": ("cat <<-EOF\n\t@X@\n\tEOF", "@X@\n", lambda v: loses_a_tab(v) or ends("", "")(v)),
    "tabs, in a line": (
        "cat <<-'EOF'\n\ta@X@\n\tEOF",
        "a@X@\n",
        lambda v: loses_a_tab("a" + v) or ends("a", "")(v),
    ),
    "in a substitution": (
        'show "$(cat <<EOF\n@X@b\nEOF\n)"',
        "1\0@X@b\0",
        # There bash also ends a document at "EOF)".
        lambda v: ends("", "b")(v) or bool(re.search(r"^EOF.*\)", v, re.MULTILINE)),
    ),
    "quoted, in a substitution": (
        "show \"$(cat <<'EOF'\na@X@b\nEOF\n)\"",
        "1\0a@X@b\0",
        lambda v: ends("a", "b")(v) or bool(re.search("[\x01\x7f]", v)),
    ),
}


INTEGER = r"-?(0|[1-9]\d{0,17})"


LETTERS = r"\w+"
PLAIN = r"[\w./:+-]+"
UNSIGNED = r"0|[1-9]\d{0,17}"


NOTHING = r"(?!)"


# The program, what is printed (None: only that nothing else happens), and what is accepted.
LIMITED = {
    "arithmetic": ('show $((@X@)) "$((0+@X@))"', words("@X@", "@X@"), INTEGER),
    "old arithmetic": ("show $[@X@]", WORD, INTEGER),
    "arithmetic in quotes": ('show $((0 + "@X@"))', WORD, UNSIGNED),
    "arithmetic command": ("((y = @X@)); show $y", WORD, INTEGER),
    "arithmetic loop": ("for ((i=@X@; i<=@X@; i++)); do show $i; done", WORD, INTEGER),
    "index": ("y=(b); y[@X@]=a; show @X@", WORD, INTEGER),
    "computed index": ("y[1 + @X@]=a; show @X@", WORD, INTEGER),
    "index in an array": ("y=([1+@X@]=a); show @X@", WORD, INTEGER),
    "quoted index": ('y["@X@"]=a; show @X@', WORD, UNSIGNED),
    "index of an expansion": ('show "${y[@X@]}" @X@', words("", "@X@"), INTEGER),
    "substring": ('show "${one:@X@}" @X@', None, UNSIGNED),
    "let": ("let y=@X@; show @X@", WORD, INTEGER),
    "let in a function": ("function f { 2>&1 let y=@X@; }; f; show @X@", WORD, INTEGER),
    "let in a loop": ("for y do let y=@X@; done; show @X@", WORD, INTEGER),
    "let, quoted": ("builtin let 'y=@X@'; show @X@", WORD, INTEGER),
    "numeric condition": ('[[ @X@ -eq "@X@" ]] && show @X@', WORD, INTEGER),
    "declared integer": ('declare -i y="@X@"; show "$y"', WORD, INTEGER),
    "declared integer array": ('declare -ai y=(@X@); show "$y"', WORD, INTEGER),
    "index for a descriptor": ("y=(b); exec {y[@X@]}>&1; show @X@", WORD, INTEGER),
    "descriptor": ("show @X@ >&@X@", None, INTEGER),
    "sequence": ("y=({@X@..@X@}); show $y", WORD, INTEGER),
    "set variable": ("[[ -v @X@ ]]; show @X@", WORD, LETTERS),
    "set variable, test": ('[ -v "@X@" ]; test -v @X@; show @X@', WORD, LETTERS),
    "printf -v": ("printf -v v_@X@ %s a; show @X@", WORD, LETTERS),
    "read": ("read -r v_@X@ <<< a; show @X@", WORD, LETTERS),
    "unset": ("unset 'v_@X@'; show @X@", WORD, LETTERS),
    "declared name": ("declare v_@X@=3; show @X@", WORD, LETTERS),
    "name reference": ("declare -n r=v_@X@; unset -n r; show @X@", WORD, LETTERS),
    "declared array in quotes": ('declare -a y="(@X@)"; show "$y"', None, LETTERS),
    "prefix": ('y=@X@; show "${y#@X@}."', words("."), PLAIN),
    "replacement": ('y=a; show "${y/a/@X@}"', WORD, PLAIN),
    "name of an expansion": ('show "${y@X@:-a}"', words("a"), LETTERS),
    "pattern group": ("y=@X@; [[ $y =~ ^(a|@X@)$ && $y == @(a|@X@) ]] && show @X@", WORD, LETTERS),
    "regex brackets": ("[[ a =~ [@X@] ]]; show @X@", WORD, LETTERS),
    "backticks in double quotes": ('show "`printf %s. x@X@`"', words("x@X@."), PLAIN),
    "backticks in backticks": ('y=`printf %s. \\`printf %s x@X@\\``; show "$y"', words("x@X@."), PLAIN),
    "expansion in a here-document": (
        "cat <<EOF\n$(printf %s. x@X@)${none-@X@}\nEOF",
        text("x@X@.@X@\n"),
        PLAIN,
    ),
    "nested fallbacks": ('show "${none:-${other:-@X@}}"', WORD, PLAIN),
    "quotes in a quoted fallback": ('show "${none:-"@X@"}"', WORD, PLAIN),
    "behind a backslash, in backticks": ('y=`printf %s. \\@X@`; show "$y"', IN_SUBSTITUTION, NOTHING),
    "assigning fallback": ("show ${none:=@X@}", WORD, r"[\w@+:,./-]+"),
    "fallback": ("show ${none:-@X@} ${one:+a@X@b}", words("@X@", "a@X@b"), "[^\x01\x7f]*"),
    "quoted fallback": ('show "p${none-a<@X@b}" "${none:=@X@}"', words("pa<@X@b", "@X@"), "[^'\x01\x7f]*"),
    "exported": (
        'export y=@X@; f() { local i="@X@"; show "$y" "$i"; }; f',
        words("@X@", "@X@"),
        r"(?!\()(?s:.*)",
    ),
    "comment": (
        '# @X@\nshow a # \'@X@\nshow "$(echo b # @X@)\n)"',
        lambda v: words("a")(v) + words("b")(v),
        "[^\n]*",
    ),
    "behind a backslash": ("show \\@X@", WORD, r"[^\n](?s:.*)"),
    "behind $": ("show $@X@", words("$@X@"), r"[^\n](?s:.*)"),
    "behind an escape": ("show $'\\x4@X@'", None, NOTHING),
    "behind \\ in ANSI-C quotes": ("show $'\\@X@'", None, NOTHING),
    "behind a variable in a here-document": (
        "cat <<EOF\n$one@X@\nEOF",
        text("1@X@\n"),
        r"(?s:(?!.*\nEOF(\n|\Z))[^\w\x80-\U0010ffff].*)",
    ),
    "delimiter": ("cat <<@X@\na\n@X@", None, NOTHING),
    "quoted delimiter": ("cat <<'@X@'\na\n@X@", None, NOTHING),
    "subshell that looks like arithmetic": ("show $((show a); show @X@)", None, NOTHING),
    "behind an unbalanced parenthesis": ("show a ) @X@", None, NOTHING),
    "array that bash rejects": ("y=(a; @X@)", None, NOTHING),
    "array in an array": ("y=(a y=(@X@))", None, NOTHING),
    "misread backslash": ('show "$(y=(\\" @X@); printf %s "${y[@]}")"', None, NOTHING),
    "misread escape": ("show \"$(show ${one:+$'\\''@X@})\"", None, NOTHING),
}


ATOMS = [
    *"\\'\"$`(){}[]<>|&;#!*?~=+-@%^,. \t\n\r\x01\x7f:/a1",
    "EOF",
    "\\\n",
    "$(",
    "\u65e5",
    "\x80",
    "if",
    "))",
    "~root",
]
