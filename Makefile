# Every target is a command of ./dev, which does its own set-up. On a machine without make, call ./dev.
.DEFAULT_GOAL := help
PYTHON ?= python3
.PHONY: run system-packages test check parity bench fuzz synth bundle deploy generate format lock clean help

run system-packages test check parity bench fuzz synth bundle deploy generate format lock clean help:
	@$(PYTHON) ./dev $@ $(ARGS)
