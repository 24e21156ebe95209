"""A terminal without a user: a tmux of its own, with a shell in it."""

import pathlib
import subprocess

from process import DEADLINE, until

PROMPT = "ready>"


def children_of(pid):
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text(encoding="ascii").split()]


def has_ended(pid):
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] in "ZX"


class Terminal:
    """As a context manager it ends with all that runs in it."""

    def __init__(self, folder, columns=80, rows=24):
        self._socket = str(folder / "tmux")
        self._size = (columns, rows)

    def tmux(self, *argv):
        done = subprocess.run(
            ["tmux", "-S", self._socket, "-f", "/dev/null", *argv], text=True,
            capture_output=True, timeout=DEADLINE, check=False, env={
                "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/",
                "SHELL": "/bin/sh", "PS1": PROMPT + " ",
                # The leak checker waits for ever for what a hangup ended.
                "ASAN_OPTIONS": "detect_leaks=0"})
        assert done.returncode == 0, done.stderr
        return done.stdout

    def __enter__(self):
        self.tmux("new-session", "-d", "-x", str(self._size[0]), "-y",
                  str(self._size[1]), "exec bash --norc --noprofile")
        self.wait_for(PROMPT)
        return self

    def __exit__(self, *exc):
        shell = self._shell()
        running = [shell, *children_of(shell)]
        self.tmux("kill-server")
        until(lambda: all(has_ended(pid) for pid in running),
              what=f"the end of {running}")

    def screen(self):
        """Its lines, without blanks at their ends."""
        return [line.rstrip()
                for line in self.tmux("capture-pane", "-p").splitlines()]

    def wait_for(self, *texts):
        """Until all of them are on the screen; returns it."""
        last = []

        def there():
            last[:] = self.screen()
            return all(text in "\n".join(last) for text in texts)

        try:
            until(there)
        except AssertionError as error:
            raise AssertionError(
                f"{texts} not in:\n" + "\n".join(last)) from error
        return list(last)

    def press(self, *keys):
        """Keys as tmux names them; a word is typed."""
        self.tmux("send-keys", *keys)

    def run(self, line):
        self.tmux("send-keys", "-l", line)
        self.press("Enter")

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def state(self):
        """What a program may have left: the alternate screen, no cursor."""
        return self.tmux("display-message", "-p",
                         "#{alternate_on} #{cursor_flag}").strip()

    def child(self):
        """The process that the shell waits for."""
        pid, = children_of(self._shell())
        return pid

    def _shell(self):
        return int(self.tmux("display-message", "-p", "#{pane_pid}"))
