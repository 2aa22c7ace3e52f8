/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef VTD_HW_H
#define VTD_HW_H

/**
 * @file
 * Layout of Intel VT-d, scalable mode: registers, tables, descriptors.
 *
 * From the "Intel Virtualization Technology for Directed I/O Architecture
 * Specification", rev 5.10; "S x.y" names its sections. Layout only: nothing here
 * depends on how a driver or a model goes about things. Bits are counted from 0, in
 * 64-bit words, little-endian.
 */

#include <stdint.h>

/* ------------------------------------------------------- registers, S 11.4 */

#define VTD_REG_VER 0x000     /* 32: version */
#define VTD_REG_CAP 0x008     /* 64: capabilities */
#define VTD_REG_ECAP 0x010    /* 64: extended capabilities */
#define VTD_REG_GCMD 0x018    /* 32: global command, write only */
#define VTD_REG_GSTS 0x01c    /* 32: global status, read only */
#define VTD_REG_RTADDR 0x020  /* 64: root table */
#define VTD_REG_CCMD 0x028    /* 64: context command */
#define VTD_REG_FSTS 0x034    /* 32: fault status */
#define VTD_REG_FECTL 0x038   /* 32: fault event control */
#define VTD_REG_FEDATA 0x03c  /* 32 */
#define VTD_REG_FEADDR 0x040  /* 32 */
#define VTD_REG_FEUADDR 0x044 /* 32 */
#define VTD_REG_PMEN 0x064    /* 32: protected memory enable */
#define VTD_REG_IQH 0x080     /* 64: invalidation queue head, hardware's */
#define VTD_REG_IQT 0x088     /* 64: invalidation queue tail, software's */
#define VTD_REG_IQA 0x090     /* 64: invalidation queue address */
#define VTD_REG_ICS 0x09c     /* 32: invalidation completion status */
#define VTD_REG_IECTL 0x0a0   /* 32: invalidation event control */
#define VTD_REG_IEDATA 0x0a4  /* 32 */
#define VTD_REG_IEADDR 0x0a8  /* 32 */
#define VTD_REG_IEUADDR 0x0ac /* 32 */
#define VTD_REG_IQERCD 0x0b0  /* 64: invalidation queue error record */
#define VTD_REG_IRTA 0x0b8    /* 64: interrupt remapping table */
#define VTD_REG_PQH 0x0c0     /* 64: page request queue head, software's */
#define VTD_REG_PQT 0x0c8     /* 64: page request queue tail, hardware's */
#define VTD_REG_PQA 0x0d0     /* 64: page request queue address */
#define VTD_REG_PRS 0x0dc     /* 32: page request status */
#define VTD_REG_PECTL 0x0e0   /* 32: page request event control */
#define VTD_REG_PEDATA 0x0e4  /* 32 */
#define VTD_REG_PEADDR 0x0e8  /* 32 */
#define VTD_REG_PEUADDR 0x0ec /* 32 */

/** Bytes of the register page that the fixed registers take. */
#define VTD_REG_PAGE_SIZE 4096

/* CAP, S 11.4.2 */
#define VTD_CAP_ND_SHIFT 0
#define VTD_CAP_ND_MASK UINT64_C(0x7)
#define VTD_CAP_RWBF (UINT64_C(1) << 4)
#define VTD_CAP_PLMR (UINT64_C(1) << 5)
#define VTD_CAP_PHMR (UINT64_C(1) << 6)
#define VTD_CAP_CM (UINT64_C(1) << 7)
#define VTD_CAP_SAGAW_SHIFT 8
#define VTD_CAP_SAGAW_MASK UINT64_C(0x1f)
#define VTD_CAP_MGAW_SHIFT 16 /* width minus 1 */
#define VTD_CAP_MGAW_MASK UINT64_C(0x3f)
#define VTD_CAP_FRO_SHIFT 24 /* in 16 bytes */
#define VTD_CAP_FRO_MASK UINT64_C(0x3ff)
#define VTD_CAP_SSLPS_2M (UINT64_C(1) << 34)
#define VTD_CAP_SSLPS_1G (UINT64_C(1) << 35)
#define VTD_CAP_PSI (UINT64_C(1) << 39)
#define VTD_CAP_NFR_SHIFT 40 /* number minus 1 */
#define VTD_CAP_NFR_MASK UINT64_C(0xff)
#define VTD_CAP_MAMV_SHIFT 48
#define VTD_CAP_MAMV_MASK UINT64_C(0x3f)
#define VTD_CAP_DWD (UINT64_C(1) << 54)
#define VTD_CAP_DRD (UINT64_C(1) << 55)
#define VTD_CAP_FS1GP (UINT64_C(1) << 56)
#define VTD_CAP_FS5LP (UINT64_C(1) << 60)
#define VTD_CAP_ESIRTPS (UINT64_C(1) << 62)
#define VTD_CAP_ESRTPS (UINT64_C(1) << 63)

/* SAGAW, inside its field */
#define VTD_SAGAW_39 (1U << 1)
#define VTD_SAGAW_48 (1U << 2)
#define VTD_SAGAW_57 (1U << 3)

/* ECAP, S 11.4.3 */
#define VTD_ECAP_C (UINT64_C(1) << 0)
#define VTD_ECAP_QI (UINT64_C(1) << 1)
#define VTD_ECAP_DT (UINT64_C(1) << 2)
#define VTD_ECAP_IR (UINT64_C(1) << 3)
#define VTD_ECAP_PT (UINT64_C(1) << 6)
#define VTD_ECAP_SC (UINT64_C(1) << 7)
#define VTD_ECAP_IRO_SHIFT 8 /* in 16 bytes */
#define VTD_ECAP_IRO_MASK UINT64_C(0x3ff)
#define VTD_ECAP_MTS (UINT64_C(1) << 25)
#define VTD_ECAP_NEST (UINT64_C(1) << 26)
#define VTD_ECAP_PRS (UINT64_C(1) << 29)
#define VTD_ECAP_SRS (UINT64_C(1) << 31)
#define VTD_ECAP_NWFS (UINT64_C(1) << 33)
#define VTD_ECAP_EAFS (UINT64_C(1) << 34)
#define VTD_ECAP_PSS_SHIFT 35 /* width minus 1 */
#define VTD_ECAP_PSS_MASK UINT64_C(0x1f)
#define VTD_ECAP_PASID (UINT64_C(1) << 40)
#define VTD_ECAP_DIT (UINT64_C(1) << 41)
#define VTD_ECAP_PDS (UINT64_C(1) << 42)
#define VTD_ECAP_SMTS (UINT64_C(1) << 43)
#define VTD_ECAP_SSADS (UINT64_C(1) << 45)
#define VTD_ECAP_SSTS (UINT64_C(1) << 46)
#define VTD_ECAP_FSTS (UINT64_C(1) << 47)
#define VTD_ECAP_SMPWCS (UINT64_C(1) << 48)
#define VTD_ECAP_RPS (UINT64_C(1) << 49)
#define VTD_ECAP_ADMS (UINT64_C(1) << 52)
#define VTD_ECAP_RPRIVS (UINT64_C(1) << 53)
#define VTD_ECAP_SMS (UINT64_C(1) << 58)

/* GCMD and GSTS, S 11.4.4: same positions */
#define VTD_GCMD_TE (UINT32_C(1) << 31)
#define VTD_GCMD_SRTP (UINT32_C(1) << 30)
#define VTD_GCMD_WBF (UINT32_C(1) << 27)
#define VTD_GCMD_QIE (UINT32_C(1) << 26)
#define VTD_GCMD_IRE (UINT32_C(1) << 25)
#define VTD_GCMD_SIRTP (UINT32_C(1) << 24)
#define VTD_GCMD_CFI (UINT32_C(1) << 23)
/** GSTS without the one-shot bits: what may be written back to GCMD. */
#define VTD_GSTS_KEEP_MASK UINT32_C(0x96ffffff)

/* RTADDR, S 11.4.5 */
#define VTD_RTADDR_ADDR_MASK (~UINT64_C(0xfff))
#define VTD_RTADDR_TTM_SHIFT 10
#define VTD_RTADDR_TTM_MASK (UINT64_C(3) << VTD_RTADDR_TTM_SHIFT)
#define VTD_TTM_LEGACY 0
#define VTD_TTM_SCALABLE 1
#define VTD_TTM_ABORT 3

/* FSTS, S 11.4.7.1 */
#define VTD_FSTS_PFO (UINT32_C(1) << 0) /* RW1C */
#define VTD_FSTS_PPF (UINT32_C(1) << 1) /* RO */
#define VTD_FSTS_IQE (UINT32_C(1) << 4) /* RW1C */
#define VTD_FSTS_ICE (UINT32_C(1) << 5) /* RW1C */
#define VTD_FSTS_ITE (UINT32_C(1) << 6) /* RW1C */
#define VTD_FSTS_FRI_SHIFT 8
#define VTD_FSTS_FRI_MASK UINT32_C(0xff)

/* FECTL, IECTL, PECTL */
#define VTD_EVENT_IM (UINT32_C(1) << 31)
#define VTD_EVENT_IP (UINT32_C(1) << 30)

/* IQA, IQH, IQT, S 11.4.9 */
#define VTD_IQA_ADDR_MASK (~UINT64_C(0xfff))
#define VTD_IQA_DW (UINT64_C(1) << 11) /* 256-bit descriptors */
#define VTD_IQA_QS_MASK UINT64_C(0x7)  /* 2^QS pages */
#define VTD_IQ_INDEX_MASK UINT64_C(0x7fff0) /* bits 18:4 of IQH and IQT, bytes */

/* IQERCD, S 11.4.9.9 */
#define VTD_IQERCD_IQEI_MASK UINT64_C(0xf)
#define VTD_IQEI_TAIL 1
#define VTD_IQEI_FETCH 2
#define VTD_IQEI_TYPE 3
#define VTD_IQEI_RESERVED 4
#define VTD_IQEI_WIDTH 5
#define VTD_IQEI_TAIL_ALIGN 6
#define VTD_IQEI_TTM 7
#define VTD_IQERCD_ITESID_SHIFT 32
#define VTD_IQERCD_ICESID_SHIFT 48

/* PQA, PQH, PQT, PRS, S 11.4.11 */
#define VTD_PQA_ADDR_MASK (~UINT64_C(0xfff))
#define VTD_PQA_PQS_MASK UINT64_C(0x7) /* 2^PQS pages */
#define VTD_PQ_INDEX_MASK UINT64_C(0x7ffe0) /* bits 18:5 of PQH and PQT, bytes */
#define VTD_PRS_PPR (UINT32_C(1) << 0) /* RW1C */
#define VTD_PRS_PRO (UINT32_C(1) << 1) /* RW1C */

/** Bytes of an entry of the page request queue and, with DW = 1, of the invalidation queue. */
#define VTD_DESC_SIZE 32
#define VTD_DESC_SHIFT 5
/** Entries of a 32-byte queue are 2^(size field + this). */
#define VTD_QUEUE_ENTRIES_SHIFT 7
#define VTD_QUEUE_ENTRIES_MIN 128
#define VTD_QUEUE_ENTRIES_MAX 16384

/* FRCD, S 11.4.7.6: two words */
#define VTD_FRCD_SIZE 16
#define VTD_FRCD_LO_FI_MASK (~UINT64_C(0xfff))
#define VTD_FRCD_HI_SID_MASK UINT64_C(0xffff)
#define VTD_FRCD_HI_T2 (UINT64_C(1) << 28)
#define VTD_FRCD_HI_PRIV (UINT64_C(1) << 29)
#define VTD_FRCD_HI_EXE (UINT64_C(1) << 30)
#define VTD_FRCD_HI_PP (UINT64_C(1) << 31)
#define VTD_FRCD_HI_FR_SHIFT 32
#define VTD_FRCD_HI_FR_MASK UINT64_C(0xff)
#define VTD_FRCD_HI_PV_SHIFT 40
#define VTD_FRCD_HI_PV_MASK UINT64_C(0xfffff)
#define VTD_FRCD_HI_T1 (UINT64_C(1) << 62)
#define VTD_FRCD_HI_F (UINT64_C(1) << 63) /* RW1C */

/* Fault reasons, S 7.1.3 */
/* those of legacy mode, which some emulations use in scalable mode too */
#define VTD_FR_LEGACY_ROOT_NOT_PRESENT 0x01
#define VTD_FR_LEGACY_CONTEXT_NOT_PRESENT 0x02
#define VTD_FR_LEGACY_CONTEXT_INVALID 0x03
#define VTD_FR_LEGACY_ADDRESS 0x04
#define VTD_FR_LEGACY_WRITE_DENIED 0x05
#define VTD_FR_LEGACY_READ_DENIED 0x06
#define VTD_FR_LEGACY_PAGE_ACCESS 0x07
#define VTD_FR_LEGACY_ROOT_ACCESS 0x08
#define VTD_FR_LEGACY_CONTEXT_ACCESS 0x09
#define VTD_FR_LEGACY_ROOT_RESERVED 0x0a
#define VTD_FR_LEGACY_CONTEXT_RESERVED 0x0b
#define VTD_FR_LEGACY_PAGE_RESERVED 0x0c
#define VTD_FR_LEGACY_TRANSLATED 0x0d
/* those of scalable mode */
#define VTD_FR_RTADDR 0x30
#define VTD_FR_TTM_LEGACY_PASID 0x31
#define VTD_FR_TTM_LEGACY_PRQ 0x32
#define VTD_FR_TTM_ABORT 0x33
#define VTD_FR_ROOT_ACCESS 0x38
#define VTD_FR_ROOT_NOT_PRESENT 0x39
#define VTD_FR_ROOT_RESERVED 0x3a
#define VTD_FR_CONTEXT_ACCESS 0x40
#define VTD_FR_CONTEXT_NOT_PRESENT 0x41
#define VTD_FR_CONTEXT_RESERVED 0x42
#define VTD_FR_CONTEXT_INVALID 0x43
#define VTD_FR_DTE_CLEAR 0x44
#define VTD_FR_PASIDE_CLEAR 0x45
#define VTD_FR_PASID_TOO_LARGE 0x46
#define VTD_FR_PRE_CLEAR 0x47
#define VTD_FR_PASID_IS_RID_PASID 0x48
#define VTD_FR_PASID_DIR_ACCESS 0x50
#define VTD_FR_PASID_DIR_NOT_PRESENT 0x51
#define VTD_FR_PASID_DIR_RESERVED 0x52
#define VTD_FR_PASID_ENTRY_ACCESS 0x58
#define VTD_FR_PASID_ENTRY_NOT_PRESENT 0x59
#define VTD_FR_PASID_ENTRY_RESERVED 0x5a
#define VTD_FR_PASID_ENTRY_INVALID 0x5b
#define VTD_FR_SRE_CLEAR 0x5d
#define VTD_FR_FS_ACCESS 0x70
#define VTD_FR_FS_NOT_PRESENT 0x71
#define VTD_FR_FS_RESERVED 0x72
#define VTD_FR_FS_ROOT 0x73
#define VTD_FR_FS_NESTED 0x74
#define VTD_FR_SS_ACCESS 0x78
#define VTD_FR_SS_PERMISSION 0x79
#define VTD_FR_SS_RESERVED 0x7a
#define VTD_FR_SS_ROOT 0x7b
#define VTD_FR_FS_NOT_CANONICAL 0x80
#define VTD_FR_USER 0x81
#define VTD_FR_PT_ADDRESS 0x83
#define VTD_FR_SS_ADDRESS 0x84
#define VTD_FR_WRITE_DENIED 0x85
#define VTD_FR_READ_DENIED 0x86
#define VTD_FR_INTERRUPT_RANGE 0x87

/* ------------------------------------------------------------- tables, S 9 */

#define VTD_PAGE_SIZE 4096
#define VTD_PAGE_SHIFT 12
#define VTD_ADDR_MASK (~UINT64_C(0xfff))

/* Root entry, scalable mode, S 9.2: 256 by bus; lo: devfn 0 to 0x7f, hi: 0x80 to 0xff */
struct vtd_root_entry {
	uint64_t lo; /* 0: present, 63:12 context table */
	uint64_t hi; /* likewise */
};
#define VTD_ROOT_PRESENT (UINT64_C(1) << 0)
#define VTD_ROOT_ENTRIES 256

/* Context entry, scalable mode, S 9.4: 128 in a page, by devfn & 0x7f */
struct vtd_context_entry {
	uint64_t q[4];
};
#define VTD_CONTEXT_ENTRIES 128
#define VTD_CTX0_P (UINT64_C(1) << 0)
#define VTD_CTX0_FPD (UINT64_C(1) << 1)
#define VTD_CTX0_DTE (UINT64_C(1) << 2)
#define VTD_CTX0_PASIDE (UINT64_C(1) << 3)
#define VTD_CTX0_PRE (UINT64_C(1) << 4)
#define VTD_CTX0_PDTS_SHIFT 9 /* 2^(PDTS + 7) directory entries */
#define VTD_CTX0_PDTS_MASK UINT64_C(0x7)
#define VTD_CTX1_RID_PASID_MASK UINT64_C(0xfffff)
#define VTD_CTX1_RID_PRIV (UINT64_C(1) << 20)

/* PASID directory entry, S 9.5, by PASID 19:6 */
#define VTD_PASID_DIR_P (UINT64_C(1) << 0)
#define VTD_PASID_DIR_FPD (UINT64_C(1) << 1)
#define VTD_PASID_DIR_SHIFT 6
/** Directory entries for PDTS 0. */
#define VTD_PASID_DIR_MIN_ORDER 7

/* PASID table entry, S 9.6: 64 in a page, by PASID 5:0 */
struct vtd_pasid_entry {
	uint64_t q[8];
};
#define VTD_PASID_TABLE_ENTRIES 64
#define VTD_PE0_P (UINT64_C(1) << 0)
#define VTD_PE0_FPD (UINT64_C(1) << 1)
#define VTD_PE0_AW_SHIFT 2
#define VTD_PE0_AW_MASK UINT64_C(0x7)
#define VTD_AW_39 1
#define VTD_AW_48 2
#define VTD_AW_57 3
#define VTD_PE0_PGTT_SHIFT 6
#define VTD_PE0_PGTT_MASK UINT64_C(0x7)
#define VTD_PGTT_FIRST 1
#define VTD_PGTT_SECOND 2
#define VTD_PGTT_NESTED 3
#define VTD_PGTT_PASSTHROUGH 4
#define VTD_PE0_SSADE (UINT64_C(1) << 9)
#define VTD_PE1_DID_MASK UINT64_C(0xffff)
#define VTD_PE1_PWSNP (UINT64_C(1) << 23)
#define VTD_PE1_PGSNP (UINT64_C(1) << 24)
#define VTD_PE1_CD (UINT64_C(1) << 25)
#define VTD_PE1_EMTE (UINT64_C(1) << 26)
#define VTD_PE2_SRE (UINT64_C(1) << 0)
#define VTD_PE2_FSPM_SHIFT 2 /* 0: 4 levels, 1: 5 levels */
#define VTD_PE2_FSPM_MASK UINT64_C(0x3)
#define VTD_PE2_WPE (UINT64_C(1) << 4)
#define VTD_PE2_EAFE (UINT64_C(1) << 7)

/* First-stage entry, S 9.7 */
#define VTD_FS_P (UINT64_C(1) << 0)
#define VTD_FS_RW (UINT64_C(1) << 1)
#define VTD_FS_US (UINT64_C(1) << 2)
#define VTD_FS_A (UINT64_C(1) << 5)
#define VTD_FS_D (UINT64_C(1) << 6)
#define VTD_FS_PS (UINT64_C(1) << 7)

/* ------------------------------------------------------------- descriptors */

/** A 256-bit descriptor: invalidation queue, page request queue. */
struct vtd_desc {
	uint64_t q[4];
};

/* Page request descriptor, S 7.4.1.1 */
#define VTD_PRQ_TYPE 0x01
#define VTD_PRQ0_TYPE_MASK UINT64_C(0xff)
#define VTD_PRQ0_PP (UINT64_C(1) << 8)
#define VTD_PRQ0_RID_SHIFT 16
#define VTD_PRQ0_PASID_SHIFT 32
#define VTD_PRQ0_EXR (UINT64_C(1) << 52)
#define VTD_PRQ0_PMR (UINT64_C(1) << 53)
/** 15:9 and 63:54; words 2 and 3 are reserved too, but not to be relied on. */
#define VTD_PRQ0_RESERVED UINT64_C(0xffc000000000fe00)
#define VTD_PRQ1_RDR (UINT64_C(1) << 0)
#define VTD_PRQ1_WRR (UINT64_C(1) << 1)
#define VTD_PRQ1_LPIG (UINT64_C(1) << 2)
#define VTD_PRQ1_PRGI_SHIFT 3
#define VTD_PRGI_MASK UINT64_C(0x1ff)
#define VTD_PRQ1_ADDR_MASK (~UINT64_C(0xfff))

/* Type of an invalidation queue descriptor, S 6.5.2: bits 3:0, and 11:9 above them */
#define VTD_QI_TYPE_MASK UINT64_C(0xe0f)
#define VTD_QI_CONTEXT 0x1
#define VTD_QI_IOTLB 0x2
#define VTD_QI_DEV_TLB 0x3
#define VTD_QI_IEC 0x4
#define VTD_QI_WAIT 0x5
#define VTD_QI_PASID_IOTLB 0x6
#define VTD_QI_PASID_CACHE 0x7
#define VTD_QI_PASID_DEV_TLB 0x8
#define VTD_QI_PGRP_RESP 0x9

/* Granularity, bits 5:4 of types 1, 2, 6, 7 */
#define VTD_QI_GRAN_SHIFT 4
#define VTD_QI_GRAN_MASK UINT64_C(0x3)
#define VTD_CONTEXT_GRAN_GLOBAL 1
#define VTD_CONTEXT_GRAN_DOMAIN 2
#define VTD_CONTEXT_GRAN_DEVICE 3
#define VTD_IOTLB_GRAN_GLOBAL 1
#define VTD_IOTLB_GRAN_DOMAIN 2
#define VTD_IOTLB_GRAN_PAGE 3
#define VTD_PASID_IOTLB_GRAN_PASID 2
#define VTD_PASID_IOTLB_GRAN_PAGE 3
#define VTD_PASID_CACHE_GRAN_DOMAIN 0
#define VTD_PASID_CACHE_GRAN_PASID 1
#define VTD_PASID_CACHE_GRAN_GLOBAL 3

/* Fields of word 0 */
#define VTD_QI_DID_SHIFT 16          /* types 1, 2, 6, 7 */
#define VTD_QI_PASID_SHIFT 32        /* types 6, 7, 8, 9 */
#define VTD_QI_CONTEXT_SID_SHIFT 32  /* type 1 */
#define VTD_QI_CONTEXT_FM_SHIFT 48   /* type 1 */
#define VTD_QI_IOTLB_DW (UINT64_C(1) << 6) /* type 2 */
#define VTD_QI_IOTLB_DR (UINT64_C(1) << 7) /* type 2 */
#define VTD_QI_DEV_TLB_SID_SHIFT 32  /* type 3 */
#define VTD_QI_DEV_TLB_MIP_SHIFT 16  /* type 3 */
#define VTD_QI_PASID_DEV_TLB_SID_SHIFT 16 /* type 8 */
#define VTD_QI_PASID_DEV_TLB_MIP_SHIFT 4  /* type 8 */
#define VTD_QI_PFSID_LO_SHIFT 12     /* types 3, 8: PFSID 3:0 */
#define VTD_QI_PFSID_HI_SHIFT 52     /* types 3, 8: PFSID 15:4 */

/* Word 1 */
#define VTD_QI_AM_MASK UINT64_C(0x3f)      /* types 2, 6 */
#define VTD_QI_IH (UINT64_C(1) << 6)       /* types 2, 6 */
#define VTD_QI_DEV_TLB_S (UINT64_C(1) << 0)        /* type 3 */
#define VTD_QI_PASID_DEV_TLB_G (UINT64_C(1) << 0)  /* type 8 */
#define VTD_QI_PASID_DEV_TLB_S (UINT64_C(1) << 11) /* type 8 */
/** Address field for "everything" with S = 1: all ones but the highest bit. */
#define VTD_QI_DEV_TLB_ALL UINT64_C(0x7ffffffffffff000)

/* Wait, S 6.5.2.9 */
#define VTD_QI_WAIT_IF (UINT64_C(1) << 4)
#define VTD_QI_WAIT_SW (UINT64_C(1) << 5)
#define VTD_QI_WAIT_FN (UINT64_C(1) << 6)
#define VTD_QI_WAIT_PD (UINT64_C(1) << 7)
#define VTD_QI_WAIT_DATA_SHIFT 32
#define VTD_QI_WAIT_ADDR_MASK (~UINT64_C(0x3))

/* Page group response, S 7.6.1 */
#define VTD_RESP0_PP (UINT64_C(1) << 4)
#define VTD_RESP0_RC_SHIFT 12
#define VTD_RESP0_RC_MASK UINT64_C(0xf)
#define VTD_RESP0_RID_SHIFT 16
#define VTD_RESP0_PASID_SHIFT 32
#define VTD_RESP1_PRGI_SHIFT 3
#define VTD_RC_SUCCESS 0x0
#define VTD_RC_INVALID 0x1
#define VTD_RC_FAILURE 0xf

_Static_assert(sizeof(struct vtd_root_entry) == 16, "S 9.2");
_Static_assert(sizeof(struct vtd_context_entry) == 32, "S 9.4");
_Static_assert(sizeof(struct vtd_pasid_entry) == 64, "S 9.6");
_Static_assert(sizeof(struct vtd_desc) == VTD_DESC_SIZE, "S 6.5.2, 7.4.1.1");

#endif /* VTD_HW_H */
