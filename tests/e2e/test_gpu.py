"""GPUs: a fake nvidia-smi, and a double of NVIDIA's library, become the DCGM exporter's series (collect.gpu)."""
import os
import subprocess
import tempfile
import unittest

import server
from server import Server, eventually

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLE = os.path.join(ROOT, 'tests', 'samples', 'nvidia-smi.csv')
SMI = """#!/bin/sh
[ "$2" = --format=csv,noheader,nounits ] && head -2 %s
""" % SAMPLE


class Smi(unittest.TestCase):
    def test_s0_20_the_temperature_of_each_gpu_is_there_by_nvidia_smi(self):
        s = Server('--config', '{dir}/e.yml', files={
            'nvidia-smi': SMI, 'e.yml': 'collect: {gpu: {source: nvidia-smi, nvidia_smi: ./nvidia-smi, interval: 1s}}'})
        os.chmod(os.path.join(s.dir, 'nvidia-smi'), 0o755)
        s.start()
        self.addCleanup(s.close)
        eventually(lambda: len(s.query('DCGM_FI_DEV_GPU_TEMP{job="gpu"}')) == 2)
        found = {labels['gpu']: value for labels, value in s.query('DCGM_FI_DEV_GPU_TEMP')}
        self.assertEqual(found, {'0': 58, '1': 45})
        (labels, used), = s.query('DCGM_FI_DEV_FB_USED{gpu="0"}')
        self.assertEqual((used, labels['modelName'], labels['device']), (9000, 'NVIDIA GeForce RTX 4090', 'nvidia0'))
        self.assertTrue(labels['UUID'].startswith('GPU-3a1c9e52'))
        self.assertEqual(s.query('up{job="gpu"}')[0][1], 1)
        self.assertEqual(s.query('DCGM_FI_DEV_FAN_SPEED{gpu="1"}')[0][1], 30)

    def test_a_program_that_is_not_there_is_told(self):
        s = Server('--config', '{dir}/e.yml', files={
            'e.yml': 'collect: {gpu: {source: nvidia-smi, nvidia_smi: /nowhere/smi, interval: 1s}}'}).start()
        self.addCleanup(s.close)
        eventually(lambda: s.query('up{job="gpu"}')[0][1] == 0)
        target, = [t for t in s.api('targets')['activeTargets'] if t['scrapePool'] == 'gpu']
        self.assertIn('there is no program /nowhere/smi', target['lastError'])


class Library(unittest.TestCase):
    def test_memory_is_told_by_the_service_that_holds_it(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        subprocess.run(['cc', '-shared', '-fPIC', '-o', os.path.join(folder.name, 'libnvidia-ml.so.1'),
                        os.path.join(ROOT, 'src', 'collect', 'gpu', 'nvml_double.c')], check=True)
        script = os.path.join(folder.name, 'vllm-serve')
        with open(script, 'w', encoding='utf-8') as f:
            f.write('import time\ntime.sleep(300)\n')
        holder = server.Peer('python3', script)
        self.addCleanup(holder.stop)
        for name, value in (('LD_LIBRARY_PATH', folder.name), ('NVML_DOUBLE_PID', str(holder.process.pid))):
            self.addCleanup(os.environ.pop, name, None)
            os.environ[name] = value
        s = Server('--config', '{dir}/e.yml', files={'e.yml': 'collect: {gpu: {interval: 1s}}'}).start()
        self.addCleanup(s.close)
        eventually(lambda: s.query('earshot_gpu_process_memory_bytes{groupname="vllm"}'))
        self.assertEqual(s.query('earshot_gpu_process_memory_bytes{gpu="0",groupname="vllm"}')[0][1], 5 * 2 ** 30)
        self.assertEqual(len(s.query('DCGM_FI_DEV_GPU_UTIL')), 2)
