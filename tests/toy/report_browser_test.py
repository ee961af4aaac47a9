#!/usr/bin/env python3
"""Opens the reports of small studies in headless Chromium and looks at what is there.

    report_browser_test.py toy_regression chromium chromedriver [--pictures DIR]

Every figure must have its curves, in the page, in its file and in its table; nothing may be empty,
overlap, leave its picture or be too small to read, on a screen and on a phone, in light and dark;
nothing may be fetched or logged. With --pictures, DIR gets a folder a study, with screenshots and a
print to look at.
"""

import argparse
import base64
import contextlib
import csv
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

VARIANTS = ["reversed-alpha", "weighted-ratios", "common-target", "late-initial", "polluted",
            "unweighted-heads", "sum-of-one", "rare-renormalise", "fresh-adam", "softmax",
            "linear-sgd"]
STUDIES = {  # words, and what figures must have: series of a chart, squares of a map
    "train": (["--tasks", "3", "--balancer", "equal", "--balancer", "gradnorm", "--seeds", "2",
               "--steps", "40"], {
        "3-tasks-metric": 2,
        "3-tasks-cosines": 2,
        "3-tasks-weights-gradnorm": 3,
        "3-tasks-norms-gradnorm": 6,
        "3-tasks-losses-equal": 3,
        "3-tasks-losses-gradnorm": 3,
        "3-tasks-cosine-matrix-equal": 4,
        "3-tasks-cosine-matrix-gradnorm": 4,
    }),
    "double-backprop": (["--penalties", "0,0.1,1", "--seeds", "2", "--steps", "40"], {
        "penalty-metric": 4,
        "penalty-slope": 2,
        "2-tasks-metric": 3,
        "2-tasks-cosines": 3,
        **{f"2-tasks-weights-penalty-{penalty}": 2 for penalty in ("0", "0-1", "1")},
        **{f"2-tasks-norms-penalty-{penalty}": 4 for penalty in ("0", "0-1", "1")},
        **{f"2-tasks-losses-penalty-{penalty}": 2 for penalty in ("0", "0-1", "1")},
    }),
    "concordance": (["--steps", "160"], {  # until then every variant has left the paper's rule
        "drift": 11,
        "2-tasks-metric": 13,
        "2-tasks-cosines": 13,
        "2-tasks-norms-gradnorm": 4,
        **{f"2-tasks-weights-{method}": 2 for method in ["gradnorm", *VARIANTS]},
        **{f"2-tasks-losses-{method}": 2 for method in ["equal", "gradnorm", *VARIANTS]},
    }),
}
SCREEN, PHONE = (1200, 900), (390, 800)
SMALLEST_TEXT = 10  # pixels, on a phone

LOOK = r"""
const box = e => { const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; };
const figures = {};
for (const svg of document.querySelectorAll('svg.figure')) {
  const parts = [...svg.querySelectorAll('.series, .tile')];
  figures[svg.id] = {
    box: box(svg),
    role: svg.getAttribute('role'),
    named: svg.getAttribute('aria-labelledby').split(' ').map(
        id => document.getElementById(id).textContent.length),
    curves: parts.map(part => part.dataset.label),
    empty: parts.filter(part => { const b = part.getBBox(); return !(b.width > 0 && b.height >= 0); })
                .map(part => part.dataset.label),
    texts: [...svg.querySelectorAll('text')].map(
        text => ({text: text.textContent, box: box(text),
                  size: parseFloat(getComputedStyle(text).fontSize) * svg.getScreenCTM().a})),
  };
}
return {figures, width: document.documentElement.scrollWidth, window: window.innerWidth,
        ground: getComputedStyle(document.body).backgroundColor,
        ink: getComputedStyle(document.body).color,
        links: [...document.querySelectorAll('[src],[href]')].map(
            e => e.getAttribute('src') || e.getAttribute('href'))};
"""


class Browser:
    """A session of chromedriver, by the WebDriver protocol."""

    def __init__(self, chromium, driver):
        self.driver = subprocess.Popen([driver, "--port=0"], stdout=subprocess.PIPE, text=True)
        for line in self.driver.stdout:
            if found := re.search(r"successfully on port (\d+)", line):
                break
        self.url = f"http://127.0.0.1:{found[1]}/session"
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        options = {"binary": chromium, "args": ["--headless", "--no-sandbox", "--disable-gpu",
                                                "--disable-dev-shm-usage", "--hide-scrollbars"]}
        answer = self.call("", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}}})
        self.url += "/" + answer["sessionId"]

    def call(self, path, body):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with self.opener.open(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def command(self, name, **parameters):
        return self.call("/goog/cdp/execute", {"cmd": name, "params": parameters})

    def show(self, path, size, dark=False):
        """What of the page there is to see, at a size in pixels."""
        self.command("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1],
                     deviceScaleFactor=1, mobile=False)
        self.command("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("/url", {"url": path.as_uri()})
        return self.call("/execute/sync", {"script": LOOK, "args": []})

    def log(self, kind):
        return self.call("/se/log", {"type": kind})

    def requests(self):
        """Addresses asked for since the last call."""
        messages = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        return [message["params"]["request"]["url"] for message in messages
                if message["method"] == "Network.requestWillBeSent"]

    def picture(self, path):
        shot = self.command("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def close(self):
        with contextlib.suppress(OSError):
            self.opener.open(urllib.request.Request(self.url, method="DELETE"), timeout=20)
        self.driver.terminate()
        self.driver.wait()


def overlap(a, b):
    """Whether two boxes share more than a hair."""
    return min(a[2], b[2]) - max(a[0], b[0]) > 1 and min(a[3], b[3]) - max(a[1], b[1]) > 1


def check_figure(name, figure, curves, where, faults):
    left, top, right, bottom = figure["box"]
    if len(figure["curves"]) != curves:
        faults.append(f"{where}: {name} has {figure['curves']}, not {curves} curves")
    if figure["empty"]:
        faults.append(f"{where}: {name}: nothing is drawn for {figure['empty']}")
    if not (right - left > 100 and bottom - top > 100):
        faults.append(f"{where}: {name} is {right - left} x {bottom - top} pixels")
    if figure["role"] != "img" or 0 in figure["named"]:
        faults.append(f"{where}: {name} has no text alternative")
    texts = figure["texts"]
    for i, text in enumerate(texts):
        box = text["box"]
        if box[0] < left or box[1] < top or box[2] > right + 1 or box[3] > bottom + 1:
            faults.append(f"{where}: {name}: '{text['text']}' leaves the picture")
        if text["size"] < SMALLEST_TEXT:
            faults.append(f"{where}: {name}: '{text['text']}' is {text['size']:.1f} pixels high")
        faults.extend(f"{where}: {name}: '{text['text']}' lies over '{other['text']}'"
                      for other in texts[:i] if overlap(box, other["box"]))


def check_page(seen, curves, where, faults):
    if set(seen["figures"]) != set(curves):
        faults.append(f"{where}: figures are {list(seen['figures'])}")
    for name, figure in seen["figures"].items():
        if name in curves:
            check_figure(name, figure, curves[name], where, faults)
    if seen["width"] > seen["window"]:
        faults.append(f"{where}: {seen['width']} pixels wide in a window of {seen['window']}")
    faults.extend(f"{where}: refers to {link}" for link in seen["links"] if not link.startswith("#"))


def check_files(browser, folder, curves, faults):
    """Each figure by itself: the picture as the page has it, and the same curves in its table."""
    names = {path.stem for path in folder.iterdir()}
    if names != set(curves):
        faults.append(f"figures are {sorted(names)}")
    for name in sorted(names & set(curves)):
        seen = browser.call("/url", {"url": (folder / f"{name}.svg").as_uri()})
        seen = browser.call("/execute/sync", {"args": [], "script":
            "return [...document.querySelectorAll('.series, .tile')].map(e => e.dataset.label)"})
        with open(folder / f"{name}.csv", newline="", encoding="utf-8") as file:
            labels = list(dict.fromkeys(row[0] for row in list(csv.reader(file))[1:]))
        if seen != labels or len(labels) != curves[name]:
            faults.append(f"{name}: the picture has {seen}, the table {labels}")


def check(browser, directory, curves, pictures):
    faults = []
    page = directory / "report.html"
    views = {"light": (SCREEN, False), "dark": (SCREEN, True), "phone": (PHONE, False),
             "phone-dark": (PHONE, True)}
    grounds = {}
    for where, (size, dark) in views.items():
        seen = browser.show(page, size, dark)
        check_page(seen, curves, where, faults)
        grounds[where] = (seen["ground"], seen["ink"])
        if pictures:
            browser.picture(pictures / f"{where}.png")
    if pictures:
        (pictures / "print.pdf").write_bytes(base64.b64decode(browser.call("/print", {})))
    if grounds["light"][0] == grounds["dark"][0] or grounds["light"][1] == grounds["dark"][1]:
        faults.append(f"light and dark look alike: {grounds}")
    check_files(browser, directory / "figures", curves, faults)
    faults.extend(f"asked for {url}" for url in browser.requests()
                  if not url.startswith(directory.as_uri()))
    faults.extend(f"logged: {entry['message']}" for entry in browser.log("browser"))
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for program in ("toy_regression", "chromium", "chromedriver"):
        parser.add_argument(program)
    parser.add_argument("--pictures", type=pathlib.Path)
    arguments = parser.parse_args()
    faults = []
    with tempfile.TemporaryDirectory() as temporary, \
            contextlib.closing(Browser(arguments.chromium, arguments.chromedriver)) as browser:
        for study, (words, curves) in STUDIES.items():
            directory = pathlib.Path(temporary) / study
            subprocess.run([arguments.toy_regression, study, *words, "--eval-every", "5", "--quiet",
                            "--out", directory], check=True, stdout=subprocess.DEVNULL)
            pictures = arguments.pictures / study if arguments.pictures else None
            if pictures:
                pictures.mkdir(parents=True, exist_ok=True)
            found = check(browser, directory, curves, pictures)
            faults += [f"{study}: {fault}" for fault in found]
            print(f"{study}: {len(curves)} figures" + (", as they must be" if not found else ""))
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
