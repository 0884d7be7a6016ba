export PYTHONPATH=. PYTHONUNBUFFERED=1
time timeout 100 python3 -m pytest --noconftest -c /dev/null --rootdir=. -n 12 -q tests/engine/loop/test_kernels.py 2>&1 | tail -5
time timeout 100 python3 -m tests.gpu.small_checks 2>&1 | tail -25
time timeout 100 python3 -m tests.gpu.matrix_kernels 2>&1 | tee $OUT/matrix.txt | grep int4
time timeout 150 python3 -m tests.gpu.loop_cost --layers 8 --contexts 8192 --profile 2>&1 | tee $OUT/cost8.txt
