#!/usr/bin/env python3
"""Draws the train.csv of some runs as one SVG: training loss (smoothed) and validation loss.

    tools/plot_training.py --out loss.svg alone=runs/alone/train.csv distilled=runs/distilled/train.csv
"""
import argparse
import csv
import html

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 400, 64, 16, 16, 44
COLORS = ["#1f6fb4", "#c8501e", "#3a8f4a", "#8a4fa3", "#7a6a3a"]
SMOOTHING = 0.97


def read_run(path):
    """Points (step, smoothed loss) and (step, validation loss)."""
    train, valid, smooth = [], [], None
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            step, loss = int(row["step"]), float(row["loss"])
            smooth = loss if smooth is None else SMOOTHING * smooth + (1 - SMOOTHING) * loss
            train.append((step, smooth))
            if row["valid_loss"]:
                valid.append((step, float(row["valid_loss"])))
    if not train:
        raise SystemExit(f"{path}: no steps")
    return train, valid


def ticks(top):
    """Round numbers from 0 up to `top`, at most ten."""
    step = 1e-4
    for factor in (2, 2.5, 2) * 20:
        if top / step <= 10:
            break
        step *= factor
    return [i * step for i in range(int(top / step) + 1)]


def draw(runs, most_loss):
    last_step = max(train[-1][0] for _, train, _ in runs)
    x = lambda step: LEFT + (WIDTH - LEFT - RIGHT) * step / last_step
    y = lambda loss: TOP + (HEIGHT - TOP - BOTTOM) * (1 - min(loss, most_loss) / most_loss)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for loss in ticks(most_loss):
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(loss):.1f}" y2="{y(loss):.1f}" '
                   'stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y(loss) + 4:.1f}" text-anchor="end">{loss:.4g}</text>')
    for step in ticks(last_step):
        out.append(f'<text x="{x(step):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">'
                   f'{step:.0f}</text>')
    out.append(f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 8}" text-anchor="middle">step</text>')
    for number, (name, train, valid) in enumerate(runs):
        color = COLORS[number % len(COLORS)]
        every = max(1, len(train) // 400)
        line = " ".join(f"{x(s):.1f},{y(l):.1f}" for s, l in train[::every])
        out.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-opacity="0.45"/>')
        line = " ".join(f"{x(s):.1f},{y(l):.1f}" for s, l in valid)
        out.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>')
        out.append(f'<text x="{WIDTH - RIGHT - 8}" y="{TOP + 16 + 16 * number}" text-anchor="end" '
                   f'fill="{color}">{html.escape(name)}</text>')
    return "\n".join(out) + "\n</svg>\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", required=True)
    parser.add_argument("--most-loss", type=float, help="top of the plot (default: the first validation)")
    parser.add_argument("runs", nargs="+", metavar="NAME=CSV")
    arguments = parser.parse_args()
    runs = []
    for run in arguments.runs:
        name, _, path = run.partition("=")
        runs.append((name, *read_run(path)))
    most = arguments.most_loss or max((valid or train)[0][1] for _, train, valid in runs)
    with open(arguments.out, "w") as file:
        file.write(draw(runs, most))


if __name__ == "__main__":
    main()
