"""A picture of the clicks' latency over time, with a line for each contestant."""

from math import log10

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 860, 420, 58, 20, 96, 46
COLOURS = ["#b3261e", "#b26a00", "#1a73e8", "#6b3fa0", "#1e8e3e"]
DASHES = ["", "7 4", "", "2 3", ""]
LEAST, MOST = 0.02, 120.0
TICKS = [(0.05, "50 ms"), (0.1, "0.1 s"), (0.5, "0.5 s"), (1, "1 s"), (2, "2 s"), (10, "10 s"),
         (60, "1 min")]


def svg(lines, quiet, end):
    """The picture as SVG. `lines` has (name, [(second, latency)]) for each contestant."""
    def x(at):
        return LEFT + (WIDTH - LEFT - RIGHT) * at / end

    def y(taken):
        share = log10(min(max(taken, LEAST), MOST) / LEAST) / log10(MOST / LEAST)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-labelledby="t" font-family="system-ui, sans-serif" font-size="13">',
        '<title id="t">How long clicks take when somebody opens six tabs of a report, by how nginx '
        'chooses the pool</title>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<rect x="{x(quiet):.0f}" y="{TOP}" width="{x(end) - x(quiet):.0f}" '
        f'height="{HEIGHT - TOP - BOTTOM}" fill="#f3f0ea"/>',
        f'<text x="{x(quiet) + 6:.0f}" y="{TOP + 16}" fill="#444">six tabs of a report, and more of '
        'them</text>',
    ]
    for taken, name in TICKS:
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(taken):.1f}" y2="{y(taken):.1f}" '
                   'stroke="#ccc" stroke-width="0.7"/>'
                   f'<text x="{LEFT - 6}" y="{y(taken) + 4:.1f}" text-anchor="end" fill="#444">{name}'
                   '</text>')
    for at in range(0, int(end) + 1, 30):
        out.append(f'<text x="{x(at):.0f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" '
                   f'fill="#444">{at} s</text>')
    out.append(f'<text x="{LEFT}" y="{HEIGHT - 8}" fill="#444">The slowest of ten clicks that begin '
               'in the same two seconds</text>')
    for number, (name, points) in enumerate(lines):
        style = (f'stroke="{COLOURS[number]}" stroke-width="2.2" stroke-dasharray="{DASHES[number]}" '
                 'fill="none"')
        path = " ".join(f"{x(at):.1f},{y(taken):.1f}" for at, taken in points)
        column, row = number % 2, number // 2
        left, top = LEFT + 400 * column, 24 + 22 * row
        out.append(f'<polyline points="{path}" {style} stroke-linejoin="round"/>'
                   f'<line x1="{left}" x2="{left + 34}" y1="{top - 4}" y2="{top - 4}" {style}/>'
                   f'<text x="{left + 42}" y="{top}" fill="#222">{name.replace("&", "&amp;")}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"
