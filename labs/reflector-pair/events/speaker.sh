# The speaker of rr1: `remember` which process it is, or wait, at most 30 s, until it is `another`.
run=/run/bgpctl/lab/reflector-pair/rr1
case $1 in
  remember) cp $run/speaker.pid $run/speaker.before ;;
  another)
    for _ in $(seq 300); do
      cmp -s $run/speaker.pid $run/speaker.before || exit 0
      sleep 0.1
    done
    echo "the speaker has survived" >&2
    exit 1 ;;
esac
