# SPDX-License-Identifier: GPL-2.0-only
# Boot sector: reads sector TOKEN_LBA through INT 13h and prints what is in it on COM1.

	.code16
	.globl _start
	.set COM1, 0x3f8
	.set TOKEN_LBA, 1024
	.set BUFFER, 0x8000

_start:
	ljmp $0, $1f
1:	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %es
	mov %ax, %ss
	mov $0x7c00, %sp
	sti
	cld
	mov %dl, drive

	# 115200 baud, 8n1: QEMU does not care, hardware does.
	mov $COM1 + 3, %dx
	mov $0x80, %al
	out %al, %dx
	mov $COM1, %dx
	mov $1, %al
	out %al, %dx
	inc %dx
	xor %al, %al
	out %al, %dx
	mov $COM1 + 3, %dx
	mov $3, %al
	out %al, %dx

	mov $hello, %si
	call print

	mov $packet, %si
	mov drive, %dl
	mov $0x42, %ah
	int $0x13
	jc failed

	mov $token_word, %si
	call print
	mov $BUFFER, %si
	call print
	mov $done, %si
	call print
stop:	hlt
	jmp stop

failed:	mov $error, %si
	call print
	jmp stop

print:	lodsb
	test %al, %al
	jz 2f
	mov %al, %bl
	mov $COM1 + 5, %dx
3:	in %dx, %al
	test $0x20, %al
	jz 3b
	mov $COM1, %dx
	mov %bl, %al
	out %al, %dx
	mov $0x0e, %ah
	mov $7, %bx
	int $0x10
	jmp print
2:	ret

drive:	.byte 0
	.balign 4
packet:	.byte 16, 0
	.word 1, BUFFER, 0
	.quad TOKEN_LBA
hello:	.asciz "BOOT\r\n"
token_word:
	.asciz "TOKEN "
done:	.asciz "\r\nDONE\r\n"
error:	.asciz "ERROR int13\r\n"

	.org 510
	.word 0xaa55
