#!/usr/bin/env python3
"""The nightly look at this computer: other scripts as jobs of their own, side by side, and one report of them."""

import sys

try:
    import jobdeck
except ImportError:
    sys.exit("Run it with jobdeck, or put core/python on PYTHONPATH.")


def main(log: str = "", threshold: int = 90, limit: int = 600):
    """Run disk-usage.sh, and log-digest.py where there is a log, and report what they found.

    :param log: The log to digest
    :param threshold: Per cent of use from which a file system is told
    :param limit: Seconds that each of them may take
    """
    jobs = {"disks": jobdeck.run("disk-usage.sh", threshold=threshold, _timeout=limit)}
    if log:
        jobs["log"] = jobdeck.run("log-digest.py", log=log, top=3, _timeout=limit)
    report = {"healthy": True}
    for number, (name, job) in enumerate(jobs.items()):
        jobdeck.progress(100 * number / len(jobs), "Nightly", status=f"waiting for {job.script} (job {job.id})")
        job.wait()
        report[name] = job.objects
        if job.status in ("Completed", "Warning"):
            print(f"{job.script} (job {job.id}): {job.status}, {len(report[name])} objects")
        else:
            why = job.reason or "; ".join(error["message"] for error in job.errors) or f"exit code {job.exit_code}"
            jobdeck.error(f"{job.script} (job {job.id}) ended as {job.status}: {why}", id="ChildFailed")
            report["healthy"] = False
    for disk in report["disks"]:
        if disk["used"] > threshold:
            jobdeck.warn(f"{disk['mount']} is {disk['used']} % full")
            report["healthy"] = False
    jobdeck.progress(100, "Nightly", completed=True)
    return report


if __name__ == "__main__":
    print(main())
