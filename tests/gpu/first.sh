export PYTHONPATH=. PYTHONUNBUFFERED=1
nvidia-smi --query-gpu=name,memory.total --format=csv,noheader
time python3 -m pytest --noconftest -c /dev/null --rootdir=. -n 12 -q tests/engine/loop/test_kernels.py 2>&1 | tail -15
time timeout 120 python3 -m tests.gpu.small_checks 2>&1 | tail -25
time timeout 200 python3 -m tests.gpu.matrix_kernels 2>&1 | tee $OUT/matrix.txt
