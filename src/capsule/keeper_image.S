/* SPDX-License-Identifier: Apache-2.0
 * The keeper's program, as bytes in this one (start.cc). */
    .section .rodata.recap_keeper, "a"
    .balign 4096
    .globl recap_keeper_begin
    .type recap_keeper_begin, %object
recap_keeper_begin:
    .incbin "recap-keeper.bin"
    .globl recap_keeper_end
    .type recap_keeper_end, %object
recap_keeper_end:
    .byte 0
    .section .note.GNU-stack, "", %progbits
