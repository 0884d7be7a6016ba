export PYTHONPATH=. PYTHONUNBUFFERED=1
(time timeout 70 python3 -m pytest --noconftest -c /dev/null --rootdir=. -n 14 -q tests/engine/loop/test_kernels.py) 2>&1 | grep -v warn | tail -12
time timeout 60 python3 -m tests.gpu.small_checks 2>&1 | tail -9
time timeout 30 python3 -m tests.gpu.matrix_kernels > $OUT/matrix.txt 2>&1
grep "int4\|TB" $OUT/matrix.txt | grep -v "torch"
time timeout 170 python3 -m tests.gpu.loop_cost --profile 2>&1 | tee $OUT/cost.txt
time timeout 40 python3 -m tests.gpu.attention_kernels 2>&1 | tee $OUT/attention.txt
