# SPDX-License-Identifier: GPL-2.0-only
# A guest that does no more than a test asks of it: `kernel = "guest.bin"` in xl's configuration.
#
# In the form of a Linux kernel of old (real-mode part of 4 sectors behind the first, entered at 0x200),
# so that firmware loads it without a disk. It plays the operating system's part in ACPI hotplug: when a
# SAS HBA is there it says PLUGGED, tries its ports (BAR 0) and says TRIED; what is to be ejected it
# ejects, and says UNPLUGGED once the HBA is gone. An HBA that it had from the start it tries, and then it
# resets the machine. What it finds goes to COM1, a line each.

	.code16
	.globl _start
	.set COM1, 0x3f8
	.set HOTPLUG_DOWN, 0xae04	# slots to be ejected, as bits; reading it clears them
	.set HOTPLUG_EJECT, 0xae08
	.set HBA, 0x00541000		# mptsas1068
	.set PORT, 0xc800		# where BAR 0 is put
	.set DOORBELL, PORT		# state of the firmware: stands still
	.set MASK, PORT + 0x34		# interrupt mask: bits 0 and 3 can be written
	.set COUNT, 1024		# of double words: a page
	.set PAGE, 0x8000		# as a segment

_start:	.org 0x1f1
	.byte 4				# sectors behind this one
	.org 0x1fe
	.word 0xaa55

	jmp 1f
	.org 0x280			# what is between is the header's, the loader writes into it
1:	push %ds			# the segment we were loaded to
	push $begin
	lret

begin:	cld
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
	mov $s_up, %si
	call print

main:	mov $HOTPLUG_DOWN, %dx
	in %dx, %eax
	test %eax, %eax
	jz 1f
	mov $HOTPLUG_EJECT, %dx
	out %eax, %dx
1:	call find
	cmp had, %edi
	je 3f
	mov %edi, had
	test %edi, %edi
	jz 2f
	mov $s_plugged, %si
	call print
	call try
	cmpb $0, looked
	jne main
	mov $s_reset, %si
	call print
	mov $0xfe, %al
	out %al, $0x64
	jmp .
2:	mov $s_unplugged, %si
	call print
3:	movb $1, looked
	jmp main

# EDI: configuration address of the HBA on bus 0, or 0
find:	mov $0x80000000, %edi
1:	xor %ebx, %ebx
	call config_read
	cmp $HBA, %eax
	je 2f
	add $0x800, %edi
	cmp $0x80010000, %edi
	jne 1b
	xor %edi, %edi
2:	ret

# Register EBX of the function at EDI, EAX
config_read:
	call config
	in %dx, %eax
	ret
config_write:
	push %eax
	call config
	pop %eax
	out %eax, %dx
	ret
config:	mov $0xcf8, %dx
	lea (%edi, %ebx), %eax
	out %eax, %dx
	mov $0xcfc, %dx
	ret

# I/O enable as AX has it, 0 or 1; says what is read back
command:
	movzwl %ax, %eax
	mov $4, %ebx
	call config_write
	call config_read
	and $1, %eax
	mov $s_command, %si
	jmp say

try:	mov $0x10, %ebx
	mov $PORT, %eax
	call config_write
	mov $1, %ax
	call command
	mov $DOORBELL, %dx
	in %dx, %eax
	mov %eax, one
	mov $s_doorbell, %si
	call say
	# The upper half, and the byte that is not aligned to anything
	mov $DOORBELL + 2, %dx
	in %dx, %ax
	movzwl %ax, %eax
	mov $s_half, %si
	call say
	mov $DOORBELL + 3, %dx
	in %dx, %al
	movzbl %al, %eax
	mov $s_byte, %si
	call say

	# String input: as many as were as the single one
	push %edi
	mov $PAGE, %ax
	mov %ax, %es
	xor %di, %di
	mov $COUNT, %cx
	mov $DOORBELL, %dx
	rep insl
	mov one, %eax
	xor %di, %di
	xor %ebx, %ebx
	mov $COUNT, %cx
1:	cmp %es:(%di), %eax
	jne 2f
	inc %bx
2:	add $4, %di
	loop 1b
	mov %ebx, %eax
	mov $s_in, %si
	call say

	# String output: 0, ..., 0, 9; the last one stays
	xor %di, %di
	mov $COUNT - 1, %cx
	xor %eax, %eax
	rep stosl
	mov $9, %eax
	stosl
	push %ds
	mov $PAGE, %ax
	mov %ax, %ds
	xor %si, %si
	mov $COUNT, %cx
	mov $MASK, %dx
	rep outsl
	pop %ds
	pop %edi
	mov $MASK, %dx
	in %dx, %eax
	mov $s_out, %si
	call say

	# Off: nobody answers, and nothing is written
	xor %ax, %ax
	call command
	mov $DOORBELL, %dx
	in %dx, %eax
	mov $s_off, %si
	call say
	mov $MASK, %dx
	xor %eax, %eax
	out %eax, %dx
	mov $1, %ax
	call command
	mov $MASK, %dx
	in %dx, %eax
	mov $s_kept, %si
	call say
	mov $s_tried, %si
	jmp print

# SI, EAX in hexadecimal
say:	push %eax
	call print
	pop %eax
	mov $8, %cx
1:	rol $4, %eax
	push %eax
	and $15, %al
	add $'0', %al
	cmp $'9', %al
	jbe 2f
	add $'a' - '9' - 1, %al
2:	call put
	pop %eax
	loop 1b
	mov $s_line, %si
print:	lodsb
	test %al, %al
	jz 1f
	call put
	jmp print
1:	ret

put:	push %dx
	push %ax
	mov $COM1 + 5, %dx
1:	in %dx, %al
	test $0x20, %al
	jz 1b
	pop %ax
	mov $COM1, %dx
	out %al, %dx
	pop %dx
	ret

had:	.long 0
looked:	.byte 0
one:	.long 0
s_up:	.asciz "GUEST up\n"
s_plugged:
	.asciz "PLUGGED\n"
s_unplugged:
	.asciz "UNPLUGGED\n"
s_command:
	.asciz "ENABLE "
s_doorbell:
	.asciz "DOORBELL "
s_half:	.asciz "HALF "
s_byte:	.asciz "BYTE "
s_in:	.asciz "IN "
s_out:	.asciz "OUT "
s_off:	.asciz "OFF "
s_kept:	.asciz "KEPT "
s_tried:
	.asciz "TRIED\n"
s_reset:
	.asciz "RESET\n"
s_line:	.asciz "\n"
	.org 6 * 512			# one sector of what would be the kernel
