"""Records as a table in Markdown and as a plot in SVG."""

import statistics

COLORS = {"swoop": "#1f6feb", "libtorrent": "#d29922", "libtorrent-super": "#9a6700", "aria2": "#8250df",
          "transmission": "#cf222e", "nginx+curl": "#57606a", "curl|sha1": "#8c959f"}


def grouped(records):
    groups = {}
    for record in records:
        groups.setdefault((record["scenario"], record["program"]), []).append(record)
    return groups


def middle(records, key):
    values = [record[key] for record in records if key in record]
    return statistics.median(values) if values else None


def spread(records, key, form="{:.2f}"):
    """The median, and in brackets the least and the most where there is more than one."""
    values = sorted(record[key] for record in records if key in record)
    if not values:
        return ""
    text = form.format(statistics.median(values))
    return text if len(values) < 2 else f"{text} ({form.format(values[0])} to {form.format(values[-1])})"


def table(records):
    rows = ["| scenario | program | seconds | bound, s | over the bound | seed sent, copies | more |",
            "| --- | --- | --- | --- | --- | --- | --- |"]
    for (scenario, program), group in grouped(records).items():
        bad = [record["trouble"] for record in group if "trouble" in record]
        more = [f"{len(bad)} of {len(group)} runs failed: {bad[0]}"] if bad else []
        for key, says in [("crossed_copies", "{} copies over the thin line"), ("gbps", "{} GB/s"),
                          ("cpu_per_gb", "CPU {} s/GB"), ("seed_mb", "seed {} MB"), ("receiver_mb", "receiver {} MB")]:
            if middle(group, key) is not None:
                more.append(says.format(spread(group, key)))
        bound = middle(group, "bound")
        rows.append(f"| {scenario} | {program} | {spread(group, 'seconds')} | {'' if bound is None else f'{bound:.2f}'} | "
                    f"{spread(group, 'ratio')} | {spread(group, 'seed_copies')} | {'; '.join(more)} |")
    return "\n".join(rows) + "\n"


def plot(records):
    """Bars of makespan over the bound, a group for each scenario; shorter is better, 1 is what the lines allow."""
    groups = {key: middle(group, "ratio") for key, group in grouped(records).items() if middle(group, "ratio")}
    scenarios = list(dict.fromkeys(scenario for scenario, _ in groups))
    if not scenarios:
        return None
    most, left, width, bar = min(6.0, max(groups.values())), 170, 560, 14
    height, parts = 50, []
    for scenario in scenarios:
        parts.append(f'<text x="{left - 8}" y="{height + 11}" text-anchor="end" font-weight="600">{scenario}</text>')
        for (other, program), ratio in groups.items():
            if other != scenario:
                continue
            length = min(ratio, most) / most * width
            parts.append(f'<rect x="{left}" y="{height}" width="{length:.1f}" height="{bar - 2}" '
                         f'fill="{COLORS.get(program, "#777")}"/>')
            parts.append(f'<text x="{left + length + 4:.1f}" y="{height + 10}">{ratio:.2f} {program}</text>')
            height += bar
        height += 10
    one = left + width / most
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 150}" height="{height + 10}" '
            'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="#fff"/>'
            '<text x="10" y="20" font-size="14" font-weight="600">Time of the last receiver over what the lines allow '
            '(1 is the bound)</text>'
            f'<line x1="{one:.1f}" x2="{one:.1f}" y1="34" y2="{height}" stroke="#1a7f37" stroke-dasharray="4 3"/>')
    return head + "".join(parts) + "</svg>\n"
