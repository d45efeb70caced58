{{ config(meta={'key': ['hospital_id', 'step_no']}) }}

{{ attrition_of('cardiology') }}
