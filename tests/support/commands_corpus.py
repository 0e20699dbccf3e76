"""Commands that must run exactly as written, on the command line and in Airflow.

Each writes a file ``out`` into its model's folder, and leaves its errors in ``errors.csv`` there.
"""

from dataclasses import dataclass, field

ERRORS = "printf '%s\\n' abs_error 1 2 > errors.csv\n"


@dataclass(frozen=True)
class CorpusCommand:
    """A model's name, its ``train_cmd``, and the bytes of ``out``.

    ``context`` belongs into the config's ``context`` (its names are unique in the corpus) and
    ``env`` into the model's block.
    """

    name: str
    train_cmd: str
    out: bytes
    context: dict[str, object] = field(default_factory=dict)
    env: dict[str, object] = field(default_factory=dict)


def _command(name, text, out, **more):
    return CorpusCommand(name, ERRORS + text, out.encode(), **more)


CORPUS = (
    # what bash has and sh has not
    _command(
        "array", """a=(one "two three"); printf '%s|' "${{a[@]}}" "${{#a[@]}}" > out""", "one|two three|2|"
    ),
    _command("map", """declare -A m=([k]="v w"); printf %s "${{m[k]}}" > out""", "v w"),
    _command(
        "suffix", """f=x.tar.gz; printf %s "${{f%%.*}} ${{f##*.}} ${{f/tar/zip}}" > out""", "x gz x.zip.gz"
    ),
    _command("default_value", """printf %s "${{NO_SUCH_VARIABLE:-a b}}" > out""", "a b"),
    _command("arithmetic", "printf %s $((1+1)) > out", "2"),
    _command("c_loop", "for ((i = 0; i < 3; i++)); do printf %s $i; done > out", "012"),
    _command("regex", """[[ abc =~ ^a(b)c$ ]] && printf %s "${{BASH_REMATCH[1]}}" > out""", "b"),
    _command("brace_list", "printf '%s ' x{{1,2}} > out", "x1 x2 "),
    _command("function", 'f() {{ printf %s "$1"; }}; f "a b" > out', "a b"),
    _command("case", "case abc in a*) printf yes ;; *) printf no ;; esac > out", "yes"),
    _command("here_string", 'cat <<< "a  b" > out', "a  b\n"),
    _command("process_substitution", "cat <(printf x) <(printf y) > out", "xy"),
    _command("pipefail", "set -euo pipefail; printf 'b\\na\\nb\\n' | sort | uniq | tr -d '\\n' > out", "ab"),
    _command("trap", "trap 'printf trapped > out' EXIT; true", "trapped"),
    _command("background", "(printf late > out) & wait", "late"),
    # quotes, pipes, lines
    _command("quotes", """printf %s 'it'"'"'s "so"' > out""", 'it\'s "so"'),
    _command("and_or", "false && printf a > out || printf b > out", "b"),
    _command("substitution", 'printf %s "$(printf %s "$(printf in)")" `printf ner` > out', "inner"),
    _command("backslash", r"printf %s 'a\nb' \$HOME > out", r"a\nb$HOME"),
    _command("percent", "printf %s '100 %d %(x)s' > out", "100 %d %(x)s"),
    _command("continued", "printf %s \\\n  x \\\n  > out", "x"),
    _command("comment", 'printf x > out # it\'s "done" ${{', "x"),
    _command("tab_and_newline", "\n\tprintf %s 'a\tb\n' > out\n\n", "a\tb\n"),
    _command("empty_input", "cat > out; printf end >> out", "end"),
    _command("awk", "printf '1 2\\n' | awk '{{ print $2 }}' > out", "2\n"),
    _command("python", """{python} -c 'print({{"k": 3}}["k"])' > out""", "3\n"),
    _command("elsewhere", 'cd / && printf x > "$OLDPWD/out"', "x"),
    # here-documents
    _command("heredoc", "n=1\ncat > out <<EOF\n$n ${{n}} $((n+1)) 'q' \"d\"\nEOF", "1 1 2 'q' \"d\"\n"),
    _command(
        "heredoc_quoted",
        "cat > out <<'EOF'\n$HOME `x` {horizon} {model_name}\nEOF\n",
        "$HOME `x` 7 heredoc_quoted\n",
    ),
    _command("heredoc_tabs", "cat > out <<-EOF\n\t{model_name}\n\tEOF\n", "heredoc_tabs\n"),
    # endings that BashOperator takes for the name of a template file
    _command("ends_in_sh", "printf 'printf sh > out' > run.sh; bash ./run.sh", "sh"),
    _command("ends_in_bash", "printf 'printf bash > out' > run.bash; bash ./run.bash", "bash"),
    # what Jinja would read
    _command("jinja", "printf %s '{{{{ ds }}}} {{% raw %}} {{# c #}}' > out", "{{ ds }} {% raw %} {# c #}"),
    _command("jinja_broken", "printf %s '{{{{ {{% endif' > out", "{{ {% endif"),
    _command(
        "jinja_value", "printf %s '{template}' > out", "{{ 7 * 7 }}", context={"template": "{{ 7 * 7 }}"}
    ),
    # values
    _command("unicode", "printf %s 'naïve 模型 🚀' > out", "naïve 模型 🚀"),
    _command("words", "{runner} > out", "two words", context={"runner": "printf %s 'two words'"}),
    _command(
        "boolean", "printf %s {flag} {nothing} > out", "TrueNone", context={"flag": True, "nothing": None}
    ),
    _command(
        "number",
        "printf '%s ' {rate} {count} {horizon} > out",
        "0.001 -3 7 ",
        context={"rate": 1e-3, "count": -3},
    ),
    _command(
        "environment",
        """printf '%s|' "$A" "$B" "$C" > out""",
        "1|True|$HOME {x} é|",
        env={"A": 1, "B": True, "C": "$HOME {x} é"},
    ),
    _command("elpa_variables", 'printf %s "$ELPA_MODEL_NAME $ELPA_HORIZON" > out', "elpa_variables 7"),
    _command(
        "working_folder", '[ . -ef {model_dir} ] && printf here > "{run_dir}/models/"{model_name}/out', "here"
    ),
    _command(
        "same_folder",
        """[ {model_dir} = '{model_dir}' ] && [ x{model_dir} = "x{model_dir}" ] && printf same > out""",
        "same",
    ),
)

CORPUS_HORIZON = 7
