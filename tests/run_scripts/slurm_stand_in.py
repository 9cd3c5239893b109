"""A Slurm of one machine: what datatrove would give to sbatch runs here at once, task by task, in its order."""

import re

import dill


class Slurm:
    """Keeps the jobs that were submitted, with what they wait for; `runs` them at once, or when it is told to."""

    def __init__(self, monkeypatch, runs=True):
        self.jobs, self.waiting, self.runs = [], [], runs
        self.environment = monkeypatch
        monkeypatch.setattr("datatrove.executor.slurm.launch_slurm_job", self.launch)
        monkeypatch.setattr("datatrove.executor.slurm.expand_slurm_nodelist", lambda nodes: [nodes])

    def launch(self, script, retriever, *args):
        given = dict(re.findall(r"^#SBATCH --([\w-]+)=(.+)$", script, re.MULTILINE))
        waits = [value for value in args if "dependency" in str(value)]
        self.jobs.append((given["job-name"], given, waits))
        if pickled := re.search(r"launch_pickled_pipeline (\S+)", script):
            self.waiting.append((pickled[1], given["array"]))
            if self.runs:
                self.run_all()
        return str(1000 + len(self.jobs))

    def run_all(self):
        """Run each task of the jobs that wait."""
        for pickled, array in self.waiting:
            first, last = map(int, re.match(r"(\d+)-(\d+)", array).groups())
            with self.environment.context() as inside:
                inside.setenv("SLURM_NODELIST", "here")
                for rank in range(first, last + 1):
                    inside.setenv("SLURM_ARRAY_TASK_ID", str(rank))
                    with open(pickled, "rb") as file:
                        dill.load(file).run()
        self.waiting.clear()
