"""Bash programs that may read a value again, one per line: ¤ stands for a value, ⏎ for a line end."""

AGAIN = tuple(
    line.replace("⏎", "\n")
    for line in r"""
declare -i n; n=¤
n=1; declare -i n; f() { n=¤; }; f
typeset -ai n; n[0]=¤
declare -i n; read n <<< ¤
declare -i n; read -r a n <<E⏎b ¤⏎E
declare -i n; printf -v n %s ¤
declare -i n; for n in ¤; do :; done
declare -i n; : ${n:=¤}
declare -i n; export n=¤
declare -i n; while read n; do :; done <<< ¤
declare -i n; printf %s ¤ | while read n; do :; done
declare -ai n; mapfile n <<< ¤
o=-i; declare $o n=¤
declare -i $one n; n=¤
declare -i {a,n}; n=¤
declare -i 'n'; n+=¤
local -i n; n=¤
f() { local -i n=¤; }; f
declare -n n; n=¤; echo $n
declare -n n=¤; echo $n
declare -n n; for n in ¤; do echo $n; done
declare -n n; read n <<< ¤; echo $n
declare -i OPTARG; getopts a: o -a ¤
declare -i REPLY; read <<< ¤
RANDOM=¤
OPTIND=¤
HISTCMD=¤
SRANDOM=¤ :
read RANDOM <<< ¤
printf -v OPTIND %s ¤
export RANDOM=¤
for RANDOM in ¤; do :; done
: ${RANDOM:=¤}
declare OPTIND=¤
declare -n r=RANDOM; r=¤
v=RANDOM; printf -v $v %s ¤
let ¤
let x=¤
command let x=¤
command -- let x=¤
builtin -- let x=¤
builtin command -p -- let x=¤
time let x=¤
time -- let x=¤
time -p -- let x=¤
! let x=¤
coproc let x=¤
coproc N { let x=¤; }; wait
coproc N (let x=¤); wait
coproc N if let x=¤; then :; fi; wait
$e let x=¤
$e $e let x=¤
"$@" let x=¤
"${e[@]}" let x=¤
`:` let x=¤
$(:) let x=¤
{let,} x=¤
l{e,}t x=¤
{,let} x=¤
l'e't x=¤
\let x=¤
c=let; $c x=¤
c=let; "$c" x=¤
for c in let; do $c x=¤; done
c=le; ${c}t x=¤
c=xlet; ${c#x} x=¤
c=builtin; $c let x=¤
$(echo let) x=¤
set -- let; $1 x=¤
f() { $1 x=¤; }; f let
y=(let); ${y[0]} x=¤
>/dev/null let x=¤
x=1 let x=¤
if (true) then let x=¤; fi
if { :; } then let x=¤; fi
f() { let x=¤; }; f
declare -i n⏎for n⏎in ¤⏎do :; done
case a in a) let x=¤;; esac
function f { let x=¤; }; f
while let x=¤; do break; done
printf -v¤ %s 1
printf -v ¤ %s 1
printf -va[¤] 1
printf ¤ x
printf -v 2>/dev/null ¤ x
printf $e ¤ x
o=-v; printf $o ¤ x
wait -p ¤
: & wait -n ¤ $!
: & wait -np ¤ $!
read ¤ <<< 1
read -r a¤ <<< 1
unset ¤
a=1; unset a[¤]
a=(1); unset 'a[¤]'
getopts a ¤ -a
mapfile ¤ <<< 1
mapfile -C ¤ -c 1 a <<< 1
[ -v ¤ ]
test ! -v ¤
[ ¤ ¤ ]
test ¤ ¤
o=-v; [ $o ¤ ]
[[ -v ¤ ]]
[[ -v a[¤] ]]
[[ ¤ -eq 1 ]]
[[ 1 -gt ¤ ]]
[[ ¤ < ¤ ]]
declare ¤
declare a[¤]=1
declare ¤=1
declare -a y=¤
declare -a y="(¤)"
declare -a y; declare y=¤
export ¤
declare -A y; y[¤]=1; unset 'y[¤]'
y=([¤]=1)
y[¤]=1
echo ${y[¤]}
echo "${y:¤}"
echo ${y:1:¤}
echo ${!¤}
echo $((¤))
echo $[¤]
((¤))
for ((i=¤;0;)); do :; done
echo ${y¤}
echo ${y@¤}
echo {1..¤}
x[¤]+=1
alias a=¤; shopt -s expand_aliases; eval a
shopt -s expand_aliases⏎alias a=¤⏎a
alias ¤
BASH_ALIASES[a]=¤⏎shopt -s expand_aliases⏎a
PS4=¤; set -x; :
export PS4=¤; set -x; :
read PS4 <<< ¤; set -x; :
PS4=¤ ; set -o xtrace; echo
PROMPT_COMMAND=¤
BASH_ENV=¤ bash -c :
export BASH_ENV=¤; bash -c :
env BASH_ENV=¤ bash -c :
compgen -W ¤
compgen -C ¤
compgen ¤ a
complete -C ¤ x
eval ¤
eval echo ¤
eval 'echo ¤'
trap ¤ EXIT
trap 'echo ¤' EXIT
c=eval; $c ¤
$e eval ¤
set -o history; history -s ¤; fc -s
history -p ¤
fc -s ¤
jobs -x let x=¤
jobs -x eval ¤
set ¤; :
set -k; let x=¤
echo >& ¤
echo >&¤
cat <&¤
exec 5>&¤
{ echo; } >& ¤
echo &> ¤
echo >| ¤
cat < ¤
echo 2> ¤
exec {f}< ¤
=x [[ a <<E⏎¤⏎E
x=1 [[ a <<E⏎¤⏎E⏎]]
x=1 [[ a < ¤
a"b"=(¤
echo a=(¤)
command declare y=(¤)
y=(¤
set -H; set -o history⏎echo a⏎echo ¤
shopt -s expand_aliases⏎alias e='echo "'⏎e ¤
set -o posix; echo ${y:-'¤'}
set -k; echo x=¤
POSIXLY_CORRECT=¤; echo ¤
LC_ALL=¤; echo ¤
f() { (( $1 )); }; f 1 ¤
select n in ¤; do :; done <<< 1
echo `echo \`echo ¤\``
echo "`echo "¤"`"
echo `echo '¤'`
cat <<E⏎`echo ¤`⏎E
cat <<E⏎$(echo '¤' "¤")⏎E
cat <<E⏎${y:-¤}${y#¤}⏎E
cat <<E⏎$((¤))⏎E
echo "${y:-"¤"}"
echo "${y:-'¤'}"
echo ${y/¤/¤}
echo ${y^¤}
if ¤; then :; fi
case ¤ in ¤) :;; esac
for ¤ in a; do :; done
function ¤ { :; }
¤() { :; }
¤ ¤
¤=¤
\¤ ¤
cat <<¤⏎a⏎¤
cat <<'¤'⏎a⏎¤
[[ a =~ (¤) ]]
[[ a == @(¤) ]]
shopt -s extglob⏎[[ a == +(¤|b) ]]
echo !(¤)
${y}¤=1
coproc ¤ { :; }
time ¤
exec ¤
exec -a ¤ true
command ¤
builtin ¤ ¤
source ¤
. ¤
enable ¤
hash -p ¤ a
type ¤
""".strip().split("\n")
)
