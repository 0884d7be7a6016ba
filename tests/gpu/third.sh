export PYTHONPATH=. PYTHONUNBUFFERED=1
time timeout 100 python3 -m pytest --noconftest -c /dev/null --rootdir=. -n 14 -q tests/engine/loop/test_kernels.py 2>&1 | tail -12
time timeout 100 python3 -m tests.gpu.small_checks 2>&1 | tail -9
time timeout 60 python3 -m tests.gpu.matrix_kernels 2>&1 | tee $OUT/matrix.txt | grep "int4\|TB"
time timeout 100 python3 -m tests.gpu.attention_kernels 2>&1 | tee $OUT/attention.txt
