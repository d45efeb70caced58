{#- Eye examinations and treatments, one row per person and day. -#}
select distinct
    hospital_id, patient_key, recorded_on as exam_on,
    true as is_exam
from {{ ref('int_measurement_deduplicated') }}
where concept in ('visual_acuity', 'iop', 'cup_disc_ratio', 'center_thickness', 'macular_volume', 'oct_study', 'dr_severity')
union
select distinct
    hospital_id, patient_key, cast(started_at as date) as exam_on,
    concept in ('oct', 'fundus_photography', 'diabetic_eye_exam', 'acuity_test', 'tonometry', 'slit_lamp') as is_exam
from {{ ref('int_procedure_occurrence_current') }}
where {{ for_product('products', 'ophthalmology') }}
