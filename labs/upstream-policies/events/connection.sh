# The TCP connection between n1 and n2, seen on n1: `remember` it, or fail unless it is the `same` as then.
file=/run/bgpctl/lab/upstream-policies/n1/connection
now() { ss -Htn state established '( sport = :179 or dport = :179 )' dst 198.51.100.12 | awk '{print $3, $4}'; }
case $1 in
  remember) now > $file; test -s $file ;;
  same) now | diff $file - ;;
esac
