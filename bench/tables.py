"""The tables of docs/performance.md, from the medians that report.py has."""

LAYERS = [(250, 100), (100, 100), (100, 100), (100, 100)]  # of the toy, (inputs, outputs); heads are (100, 100)


def ratio(ours, theirs):
    """How many times faster we are, from two times."""
    return f"{theirs / ours:.2f}" if ours and theirs else "-"


def quotient(a, b):
    return f"{a / b:.2f}" if a and b else "-"


def per_second(time):
    return number(1e6 / time, digits=0 if time < 1e4 else 1) if time else "-"


def number(value, scale=1.0, digits=0):
    return f"{value / scale:,.{digits}f}" if value is not None else "-"


def table(title, text, columns, rows):
    if not rows:
        return ""
    lines = ["", f"## {title}", ""] + ([text, ""] if text else [])
    lines += ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def sizes(contest):
    """T and batch of a contest such as gradnorm/T:2/batch:100."""
    _, tasks, batch = contest.split("/")
    return int(tasks[2:]), int(batch[6:])


def by_size(results, kind):
    return sorted(results.contests(kind + "/T:"), key=sizes)


def compared(results, kind):
    """Those contests that exist at T = 2 and 10, where batches are compared."""
    return [contest for contest in by_size(results, kind) if sizes(contest)[0] in (2, 10)]


def flops(tasks, batch, gradnorm):
    """Multiplications and additions in the products of matrices that a step cannot do without."""
    layers = 2 * batch * sum(inputs * outputs for inputs, outputs in LAYERS)
    head = 2 * batch * 100 * 100
    forward = layers + tasks * head
    slopes = layers - 2 * batch * 250 * 100 + tasks * head  # in what each layer but the first gets
    # GradNorm by the closed form: the gradient at W task by task; their sum is that of all.
    return 2 * forward + slopes + (tasks - 1) * head * gradnorm


def floor_share(results, contest, entrant, gradnorm):
    """Time of the arithmetic at the best rate that any product of matrices reached, of the time taken."""
    rates = [rate for (name, _), rate in results.rates.items() if name.startswith("gemm/f32")]
    time = results.time(contest, entrant)
    if not rates or not time:
        return "-"
    return f"{100 * flops(*sizes(contest), gradnorm) / max(rates) * 1e6 / time:.0f} %"


def gradnorm_steps(results):
    rows = []
    for contest in compared(results, "gradnorm"):
        second, closed, hand, torch = (
            results.time(contest, name) for name in ("second_order", "closed_form", "by_hand", "libtorch")
        )
        tasks, batch = sizes(contest)
        rows.append(
            [f"{tasks}, {batch}", per_second(second), per_second(closed), per_second(hand), per_second(torch)]
            + [ratio(closed, hand), ratio(second, hand), ratio(closed, torch), ratio(second, torch)]
            + [floor_share(results, contest, "closed_form", True)]
        )
    return table(
        "GradNorm on the paper's toy, one thread",
        "Steps a second, f32. libtorch differentiates through the graph of the gradients (`create_graph=true`), as\n"
        "our second order does. The last column is the share of the closed form's time that its arithmetic would\n"
        "take at the best rate of any product of matrices below.",
        ["T, batch", "second order", "closed form", "by hand", "libtorch", "closed form / by hand"]
        + ["second order / by hand", "closed form / libtorch", "second order / libtorch", "arithmetic"],
        rows,
    )


def plain_steps(results):
    rows = []
    for contest in compared(results, "plain"):
        ours, hand, torch = (results.time(contest, name) for name in ("ours", "by_hand", "libtorch"))
        tasks, batch = sizes(contest)
        rows.append(
            [f"{tasks}, {batch}", per_second(ours), per_second(hand), per_second(torch)]
            + [ratio(ours, hand), ratio(ours, torch), floor_share(results, contest, "ours", False)]
        )
    columns = ["T, batch", "ours", "by hand", "libtorch", "ours / by hand", "ours / libtorch", "arithmetic"]
    return table("The plain step, one thread", "Equal weights. Steps a second, f32.", columns, rows)


def growth(results):
    rows = []
    for contest in by_size(results, "gradnorm"):
        tasks, batch = sizes(contest)
        if batch != 100:
            continue
        row, costs = [str(tasks)], []
        for entrant, plain in [("second_order", "ours"), ("closed_form", "ours"), ("by_hand",) * 2, ("libtorch",) * 2]:
            time = results.time(contest, entrant)
            row.append(number(time))
            costs.append(quotient(time, results.time(f"plain/T:{tasks}/batch:100", plain)))
        rows.append(row + costs)
    names = ["second order", "closed form", "by hand", "libtorch"]
    return table(
        "What GradNorm costs as T grows, batch 100, one thread",
        "Microseconds a step, and how many plain steps of the same entrant one with GradNorm takes.",
        ["T"] + [f"{name}, us" for name in names] + [f"{name} / plain" for name in names],
        rows,
    )


def gemm(results, threads):
    rows = []
    for contest in results.contests("gemm/"):
        rates = [results.rate(contest, name) for name in ("ours", "eigen", "openblas", "onednn")]
        best = max((rate for rate in rates[2:] if rate), default=None)
        _, dtype, kind, shape = contest.split("/")
        rows.append([dtype, kind, shape.replace("x", " x ")] + [number(rate, 1e9, 1) for rate in rates])
        rows[-1].append(quotient(rates[0], best))
    return table(
        f"Products of matrices, {threads} thread{'s' * (threads > 1)}",
        "GFLOP/s; m x n x k; T: that operand is read transposed. NT is a layer forward, NN the derivative in its\n"
        "input, TN that in its weight." + (" Eigen runs on one thread." if threads > 1 else ""),
        ["type", "", "shape", "ours", "Eigen", "OpenBLAS", "oneDNN", "ours / best of the last two"],
        rows,
    )


def kernels(results):
    rows = []
    for contest in results.contests():
        if contest.startswith(("gemm", "chain")) or "/T:" in contest or results.rate(contest, "ours") is None:
            continue
        other = next((name for name in results.entrants(contest) if name != "ours"), None)
        ours, theirs = results.rate(contest, "ours"), results.rate(contest, other)
        rows.append([contest, number(ours, 1e9, 2), number(theirs, 1e9, 2), other or "-", quotient(ours, theirs)])
    return table(
        "Other kernels, one thread",
        "f32; 10^9 elements a second, for convolutions GFLOP/s. Eigen writes to memory at hand; ours make a tensor.",
        ["kernel", "ours", "other", "which", "ours / other"],
        rows,
    )


def overhead(results):
    rows = []
    for contest in results.contests("chain/"):
        _, elements, depth = contest.split("/")
        ours, torch = results.time(contest, "ours"), results.time(contest, "libtorch")
        rows.append([elements, depth.replace("_", " "), number(ours, 0.1), number(torch, 0.1), ratio(ours, torch)])
    return table(
        "What an operation costs beside its arithmetic",
        "Nanoseconds for each of 100 products and sums in a chain: forward with the graph; that and backward; the\n"
        "same with a graph of the gradient; and then backward through that graph.",
        ["elements", "", "ours, ns", "libtorch, ns", "ours / libtorch"],
        rows,
    )


def models(results):
    rows = []
    for threads, run in results.items():
        for contest in run.contests("lenet/") + run.contests("mlp1024/"):
            ours, hand, torch = (run.time(contest, name) for name in ("ours", "by_hand", "libtorch"))
            times = [per_second(time) for time in (ours, hand, torch)]
            rows.append([contest, str(threads)] + times + [ratio(ours, hand), ratio(ours, torch)])
    return table(
        "Larger models",
        "Steps a second, f32, batch 256: LeNet with two heads on 28 x 28 images; an MLP of four layers of 1024 with\n"
        "three heads. GradNorm by second order; by hand (always one thread) by the closed form.",
        ["model", "threads", "ours", "by hand", "libtorch", "ours / by hand", "ours / libtorch"],
        rows,
    )


def two_threads(results):
    if 2 not in results:
        return ""
    one, two = results[1], results[2]
    rows = []
    for kind, entrants in [("plain", ["ours", "libtorch"]), ("gradnorm", ["second_order", "closed_form", "libtorch"])]:
        for contest in compared(two, kind):
            times = {name: two.time(contest, name) for name in entrants}
            best = next(iter(times))
            tasks, batch = sizes(contest)
            for name in entrants[:-1]:
                rows.append(
                    [f"{kind}, {name.replace('_', ' ')}", f"{tasks}, {batch}", per_second(times[name])]
                    + [ratio(times[name], one.time(contest, name)), per_second(times["libtorch"])]
                    + [ratio(times["libtorch"], one.time(contest, "libtorch")), ratio(times[name], times["libtorch"])]
                )
    return table(
        "The toy on two threads",
        "Steps a second, and the gain over one thread; libtorch in a process of its own.",
        ["step", "T, batch", "ours", "gain", "libtorch", "gain", "ours / libtorch"],
        rows,
    )


def memory_of(memory):
    rows = []
    for contest in dict.fromkeys(contest for contest, _ in memory):
        row = [contest]
        for entrant in (("ours", "second_order"), ("closed_form",), ("by_hand",), ("libtorch",)):
            found = next((memory[contest, name] for name in entrant if (contest, name) in memory), None)
            row.append(number(found and found["resident"], 1 << 20, 1))
            if entrant[0] == "ours":
                row.insert(1, number(found and found["pool"], 1 << 20, 1))
        rows.append(row)
    return table(
        "Peak memory of a step",
        "MiB that making the model and three steps add to a process, data, parameters and Adam's moments included: of\n"
        "our pool (exact), and as the system counts it.",
        ["step", "ours, pool", "ours", "closed form", "by hand", "libtorch"],
        rows,
    )


def all_of(results, memory):
    one = results[1]
    return (
        gradnorm_steps(one)
        + plain_steps(one)
        + growth(one)
        + models(results)
        + two_threads(results)
        + "".join(gemm(run, threads) for threads, run in results.items())
        + kernels(one)
        + overhead(one)
        + memory_of(memory)
    )
