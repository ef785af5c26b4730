/* Counts the basic blocks that run, in all code that is compiled with
 * -sanitizer-coverage-trace-pc: the same number for the same input, on every machine.
 *
 * libFuzzer has a function of the same name, so build.rs makes the linker replace it (--wrap). */

unsigned long fuzz_blocks;

void __wrap___sanitizer_cov_trace_pc(void);

void
__wrap___sanitizer_cov_trace_pc(void)
{
    fuzz_blocks++;
}
