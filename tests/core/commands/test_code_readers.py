"""Warnings of values that a program of its own, or bash itself, reads as code."""

import pytest

from elpa_core.commands.code_readers import values_read_as_code

TYPED = frozenset({"note", "dataset"})


def readings(template):
    return [f"{{{name}}} {how}" for name, how in values_read_as_code(template, TYPED)]


READERS = [
    ("perl -e 'print {seed}'", "perl -e"),
    ("perl -lne 'print {seed}' f", "perl -lne"),
    ("ruby -e 'puts {seed}'", "ruby -e"),
    ("node -e 'f({seed})'", "node -e"),
    ("node --eval 'f({seed})'", "node --eval"),
    ("Rscript -e 'f({seed})'", "Rscript -e"),
    ("Rscript --vanilla -e 'f({seed})'", "Rscript -e"),
    ("julia -e 'f({seed})'", "julia -e"),
    ("php -r 'f({seed});'", "php -r"),
    ("psql -d db -c 'SELECT {seed}'", "psql -c"),
    ("psql -tAc 'SELECT {seed}'", "psql -tAc"),
    ('psql --command="SELECT {seed}"', "psql --command"),
    ("mysql -e 'SELECT {seed}'", "mysql -e"),
    ("duckdb f -c 'SELECT {seed}'", "duckdb -c"),
    ("su -c 'train {seed}' user", "su -c"),
    ("env -S 'train {seed}'", "env -S"),
    ("env -i --split-string='train {seed}'", "env --split-string"),
    ("su user -c 'train {seed}'", "su -c"),
    ("sudo -u x su - user -c 'train {seed}'", "su -c"),
    ("flock lock -c 'train {seed}'", "flock -c"),
    ("awk '{{ print {seed} }}' f", "awk"),
    ("awk -F , '{{ print {seed} }}' f", "awk"),
    ("cat f | gawk '$1 > {seed}'", "gawk"),
    ("sed 's/a/{seed}/' f", "sed"),
    ("sed -i -e 's/a/{seed}/' f", "sed"),
    ("jq '.a == {seed}' f", "jq"),
    ("sqlite3 f.db 'SELECT {seed}'", "sqlite3"),
    ("sqlite3 f.db <<E\nSELECT {seed}\nE", "sqlite3"),
    ("psql <<E\nSELECT {seed}\nE", "psql"),
    ("make train SEED={seed}", "make NAME=..."),
    (". /dev/stdin <<E\na={seed}\nE", ". /dev/stdin"),
    ("source /dev/stdin <<< 'a={seed}'", "source /dev/stdin"),
    ("source <(echo a={seed})", "source <(...)"),
    (". <(printf 'a=%s' {seed})", ". <(...)"),
    ("bash <(echo train {seed})", "bash <(...)"),
    ("bash -s a <<E\ntrain {seed}\nE", "bash"),
    ("echo train {seed} | bash", "| bash"),
    ("echo train {seed} | tee log | sh -s x", "| sh"),
    ("{{ echo a; echo train {seed}; }} | bash -x", "| bash"),
    ("(echo train {seed}) | bash", "| bash"),
    ("for i in 1; do echo train {seed}; done | bash", "| bash"),
    ("cat <<E | python3 -\nf({seed})\nE", "| python3"),
    ("bash -c 'train {seed}'", "bash -c"),
    ("python3 -c 'f({seed})'", "python3 -c"),
    ("ssh host train {seed}", "ssh"),
    ("eval train {seed}", "eval"),
    ("trap 'rm {seed}' EXIT", "trap"),
    ("watch -n 5 'train {seed}'", "watch"),
    ("matlab -batch 'train({seed})'", "matlab -batch"),
    ("tmux new -d -s name 'train {seed}'", "tmux"),
    ("sbatch -J name --wrap 'train {seed}'", "sbatch --wrap"),
    ("sbatch --wrap='train {seed}'", "sbatch --wrap"),
    ("R --no-save <<< 'f({seed})'", "R"),
    ("tee >(bash) <<< 'train {seed}'", "| bash"),
    ("echo train {seed} > >(sh)", "| sh"),
    ("parallel 'train {seed} {{}}' ::: a b", "parallel"),
    ("echo train {seed} | parallel", "| parallel"),
    ("at now <<< 'train {seed}'", "at"),
    ("fish -c 'train {seed}'", "fish -c"),
    ("xargs -I% bash -c % <<< 'train {seed}'", "xargs bash -c"),
    ("echo 'train {seed}' | xargs -0 bash -c", "| xargs bash -c"),
]


@pytest.mark.parametrize(("template", "reader"), READERS)
def test_what_reads_a_value_as_code_is_named_with_the_way_out(template, reader):
    assert readings(template) == [
        f"{{seed}} stands where {reader} reads it as code; use the variable ELPA_SEED there instead"
    ]


AGAIN = "can run code; check its characters first"
IN_ARITHMETIC = f"is in the variable n where bash reads arithmetic, which {AGAIN}"
NAMES = f"is in the variable n where bash reads the name of a variable, which {AGAIN}"
AS_COMMAND = "is in the variable n, which bash runs as a command"
BY_BASH = [
    ("n={note}; (( n > 5 ))", IN_ARITHMETIC),
    ("n={note}; echo $((n + 1))", IN_ARITHMETIC),
    ('n="{note}"; [[ $n -gt 5 ]]', IN_ARITHMETIC),
    ("n={note}; m=$n; let k=m", f"is in the variable m where bash reads arithmetic, which {AGAIN}"),
    ("n={note}; declare -i k=$n", IN_ARITHMETIC),
    ("declare -i k; n={note}; k=$n", IN_ARITHMETIC),
    ("for n in {note}; do echo ${{y[n]}}; done", IN_ARITHMETIC),
    ("read n <<< {note}; echo ${{y:n}}", IN_ARITHMETIC),
    ("echo {note} | while read n; do ((n)); done", IN_ARITHMETIC),
    ("n=$(echo {note}); ((n))", IN_ARITHMETIC),
    ("f() {{ (( $1 )); }}; f {note}", f"is in the variable 1 where bash reads arithmetic, which {AGAIN}"),
    ("(( ELPA_NOTE > 5 ))", f"is in the variable ELPA_NOTE where bash reads arithmetic, which {AGAIN}"),
    ("n={note}; y[$n]=1", IN_ARITHMETIC),
    ("n={note}; y[n]+=1", IN_ARITHMETIC),
    ('n={note}; y=(["$n"]=1)', IN_ARITHMETIC),
    ("n={note}; RANDOM=$n", IN_ARITHMETIC),
    ('n={note}; export OPTIND="$n"', IN_ARITHMETIC),
    ("declare -i k; n={note}; k=k+n", IN_ARITHMETIC),
    ("n={note}; declare -i k='n + 1'", IN_ARITHMETIC),
    ('n={note}; BASH_ALIASES[a]="$n"', f"is in the variable n where bash reads code, which {AGAIN}"),
    ('n={note}; env -S "$n"', "is in the variable n, env -S reads it as code"),
    ('n={note}; echo "${{n@P}}"', f"is in the variable n where bash reads code, which {AGAIN}"),
    ("n={note}; PS4=$n; set -x", f"is in the variable n where bash reads code, which {AGAIN}"),
    ("n={note}; echo ${{!n}}", NAMES),
    ('n={note}; printf -v "$n" x', NAMES),
    ('n={note}; [ -v "$n" ]', NAMES),
    ('n={note}; bash -c "$n"', "is in the variable n, bash -c reads it as code"),
    ('n={note}; echo "$n" | bash', "is in the variable n, | bash reads it as code"),
    ('n={note}; echo >& "$n"', "is in the variable n, which bash expands again behind >&; use > or < there"),
    ("true {note}; (( $_ ))", f"is in the variable _ where bash reads arithmetic, which {AGAIN}"),
    ('true {note}; eval "$_"', "is in the variable _, eval reads it as code"),
    ("[[ {note} =~ (.*) ]]; (( ${{BASH_REMATCH[1]}} ))",
     f"is in the variable BASH_REMATCH where bash reads arithmetic, which {AGAIN}"),
    ('[[ {note} =~ (.*) ]]; eval "${{BASH_REMATCH[1]}}"',
     "is in the variable BASH_REMATCH, eval reads it as code"),
    ("f() {{ for n; do (( n )); done; }}; f {note}", IN_ARITHMETIC),
    ('f() {{ for n in "$@"; do (( n )); done; }}; f {note}', IN_ARITHMETIC),
    ("set -- {note}; for n; do eval $n; done", "is in the variable n, eval reads it as code"),
    ("export n={note}; bash -c '(( n ))'", IN_ARITHMETIC),
    ("n={note} sh -c '[[ $n -gt 1 ]]'", IN_ARITHMETIC),
    ("bash -c '(( ELPA_NOTE ))'",
     f"is in the variable ELPA_NOTE where bash reads arithmetic, which {AGAIN}"),
    ("bash -c 'eval \"$1\"' _ {note}", "is in the variable 1, eval reads it as code"),
    ("n={note}; bash -c 'k=$2; (( k ))' _ a $n",
     f"is in the variable k where bash reads arithmetic, which {AGAIN}"),
    ('n={note}; xargs -I% bash -c % <<< "$n"', "is in the variable n, xargs bash -c reads it as code"),
    ("n={note}; $n", AS_COMMAND),
    ('n={note}; "$n" a', AS_COMMAND),
    ("n={note}; coproc $n", AS_COMMAND),
    ("n={note}; true && exec $n", AS_COMMAND),
    ("n={note}; if ! $n; then true; fi", AS_COMMAND),
    ("n={note}; timeout -k 1 5 $n a", AS_COMMAND),
    ("env n={note} bash -c '(( n ))'", IN_ARITHMETIC),
    ("bash <<'E'\n(( ELPA_NOTE ))\nE",
     f"is in the variable ELPA_NOTE where bash reads arithmetic, which {AGAIN}"),
    ("bash -s {note} <<'E'\neval $1\nE", "is in the variable 1, eval reads it as code"),
    ("n=({note} a); \"${{n[@]}}\"", AS_COMMAND),
    ("for n in a {note}; do $n; done", AS_COMMAND),
    ('f() {{ "$@"; }}; f {note} a', "is in the variable @, which bash runs as a command"),
    ("BASH_ARGV0={note}; $0", "is in the variable 0, which bash runs as a command"),
    ("cat > s.sh <<E\ntrain {note}\nE\nbash s.sh", "is written to s.sh, which bash reads as code"),
    ('tee s.sh <<< "train {note}"; bash -e ./s.sh a', "is written to s.sh, which bash reads as code"),
    ("echo V={note} >> v.env; . ./v.env", "is written to v.env, which . reads as code"),
    ('n={note}; echo "V=$n" > {model_dir}/v; source {model_dir}/v',
     "is written to {model_dir}/v, which source reads as code"),
    ("echo f {note} | tee s.py > log; python3 s.py", "is written to s.py, which python3 reads as code"),
    ("cd guarantee\ntee s.py <<< {note}; python3 s.py", "is written to s.py, which python3 reads as code"),
    ("cd guarantee\ntee s.py {note}; python3 s.py", "is written to s.py, which python3 reads as code"),
    ("{{ echo a; echo {note}; }} > s; chmod +x s; ./s", "is written to s, which bash reads as code"),
    ("echo {note} > {model_dir}/s && {python} {model_dir}/s",
     "is written to {model_dir}/s, which python reads as code"),
    ("echo {note} > s; bash < s", "is written to s, which bash reads as code"),
    ("let k={note}", "stands where bash reads arithmetic: it can be an integer there"),
    ("echo $(({note}))", "stands where bash reads arithmetic: it can be an integer there"),
    ("alias a={note}", "stands where bash reads code: it can be only letters, digits and _ . / : + - there"),
]  # fmt: skip


@pytest.mark.parametrize(("template", "how"), BY_BASH)
def test_what_bash_reads_again_is_said_for_values_that_may_be_typed(template, how):
    assert readings(template) == [f"{{note}} {how}"]
    assert values_read_as_code(template) == []


CONNECTION = "names the file of a redirection, and bash opens a connection for /dev/tcp/...;"


@pytest.mark.parametrize(
    "template", ["train < {dataset}", 'train < "{dataset}"', "exec 3<> {dataset}", "d={dataset}; train < $d"]
)
def test_a_file_that_bash_opens_is_said(template):
    assert readings(template) == [
        f'{{dataset}} {CONNECTION} give "$ELPA_DATASET" to a program as an argument instead'
    ]


NOTHING = [
    "python train.py --out {model_dir} --data {dataset} --note '{note}'",
    "train {dataset} > {model_dir}/log 2>&1",
    "train < data/{dataset}; train < /data/{dataset}.csv",
    "n={note}; echo $n; [[ $n == a ]]; case $n in a) ;; esac; (( other > 5 ))",
    "declare -A y; n={note}; echo {note} | tee log | grep -c a",
    "awk -v n={note} -f prog.awk {dataset}; sed -f prog.sed {dataset}; awk '{{ print }}' {dataset}",
    "cat {dataset} | bash train.sh; cat {dataset} | python train.py {note}",
    "perl train.pl -e {note}; node train.js -e {note}; psql -f {dataset}; make {note}",
    "cat {dataset} | sh; bash {dataset}; source {dataset}; printf '%s' {note} > f",
    "export X={note}; y=({note}); echo ${{#y[@]}} ${{y[0]}}",
    'c=(python train.py --note {note}); c+=({note}); "${{c[@]}}" > log; $PYTHON {note}',
    'c="python train.py {note}"; $c; "$HOME/train" {note}; f() {{ "$@"; }}; f python train.py {note}',
    'retry() {{ shift; "$@"; }}; retry 3 python train.py {note}; for n in {note}; do train $n; done',
    "echo {note} > note.txt; python train.py note.txt; ./train.sh < note.txt; bash train.sh {note}",
    "cat <<E > config.yaml\nnote: {note}\nE\npython train.py --config config.yaml; tee log <<< {note}",
    "bash -c 'python train.py \"$1\"' _ {note}; n={note}; bash -c '(( n ))'; k=5 bash -c 'train $k' {note}",
    'timeout 5 train $ELPA_NOTE; n={note}; if train $n; then nice -n 5 train "$n"; fi',
    "bash -s {note} <<'E'\ntrain \"$1\" $ELPA_NOTE\nE",
    "[[ {note} =~ (.*) ]]; echo ${{BASH_REMATCH[1]}} $_; bash -c 'echo \"$ELPA_NOTE\"'",
    "xargs -n 1 train <<< {note}; echo {note} | xargs -I% bash -c 'train \"$1\"' _ %; tee >(cat) <<< {note}",
    "sbatch train.sh {note}; tmux kill-session -t {note}; watch -x train {note}; parallel train ::: {note}",
    "R CMD BATCH train.R {note}; matlab -logfile {note}; (( $# > 1 )); train.py > log-{note}; R -f a.R",
]


@pytest.mark.parametrize("template", NOTHING)
def test_nothing_is_said_of_data(template):
    assert readings(template) == []
